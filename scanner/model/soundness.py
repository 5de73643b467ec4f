"""Tells an observation that somebody else wrote down from one that no probe can have made."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime

from scanner.model.observation import Observation

LONGEST_SECONDS = 1e6
"""No phase takes longer: a probe has seconds."""
LARGEST_NUMBER = 2**53
"""What counters and every reader of JSON can hold."""


def check_soundness(seen: Observation) -> Observation:
    """Return an observation whose values are of the right types, if one can go on reckoning with it.

    Its endpoint is not looked at: whose it is, the reader knows.

    Raises:
        ValueError: a moment has no time zone, a number is negative or without bounds, or a text is none.
    """
    for field in fields(seen):
        if field.name != "endpoint":
            _check(getattr(seen, field.name), field.name)
    return seen


def _check(value: object, name: str) -> None:
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # halves of surrogate pairs, which nobody can write
    elif isinstance(value, int | float):
        if not 0 <= value <= (LARGEST_NUMBER if isinstance(value, int) else LONGEST_SECONDS):
            raise ValueError(f"{name} is no such number")
    elif isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no time zone")
    elif value is not None:
        for part in _parts_of(value):
            _check(part, name)


def _parts_of(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return (*value.keys(), *value.values())
    if isinstance(value, tuple | frozenset):
        return value
    return [getattr(value, field.name) for field in fields(value)] if is_dataclass(value) else ()
