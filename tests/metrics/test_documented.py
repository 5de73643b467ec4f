"""The documentation of the metrics names exactly what a scrape can hold."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from scanner.metrics import Telemetry, accounts, domain_lines, egress, full, incidents
from scanner.metrics.detail import FULL_ONLY, MINIMAL
from scanner.metrics.families import FAMILIES
from tests.metrics.samples import STORE

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_every_family_of_a_scrape_is_documented_and_no_other() -> None:
    registry = CollectorRegistry()
    Telemetry(registry).show_store(lambda: STORE)
    own = {
        family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        for family in registry.collect()
        if family.name.startswith("mailport_")
    }
    exposed = (
        own
        | {family.name for family in (*FAMILIES, *full.FAMILIES)}
        | {full.HISTOGRAM}
        | domain_lines.FAMILIES.keys()
        | egress.FAMILIES.keys()
        | accounts.FAMILIES.keys()
        | incidents.FAMILIES.keys()
    )

    assert exposed == documented().keys()


def documented() -> dict[str, str]:
    """The families in the tables, each with the letter of the detail that it belongs to, if any."""
    rows = re.findall(r"^\| `(mailport_\w+)`(?: \*(\w)\*)? \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return dict(rows)


def test_the_detail_of_each_family_is_documented() -> None:
    assert {name for name, letter in documented().items() if letter == "m"} == MINIMAL
    assert {name for name, letter in documented().items() if letter == "f"} == FULL_ONLY
