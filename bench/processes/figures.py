"""Hands the figures of a benchmark to `python -m bench`, which holds them against what was aimed at."""

import json
import os
from pathlib import Path

VARIABLE = "MAILPORT_BENCH_FIGURES"
"""The environment names the file; without it a benchmark runs by itself, and nothing is written."""


def note(**figures: float) -> None:
    """Write figures down by their names; a later one of the same name counts."""
    place = os.environ.get(VARIABLE)
    if place:
        with Path(place).open("a", encoding="utf-8") as lines:
            lines.write(f"{json.dumps(figures)}\n")


def read(place: Path) -> dict[str, float]:
    """Return all figures of a file that benchmarks have written."""
    found: dict[str, float] = {}
    for line in place.read_text(encoding="utf-8").splitlines():
        found |= json.loads(line)
    return found
