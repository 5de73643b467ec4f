"""Tells an observation that somebody else wrote down from one that no probe can have made."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter

from scanner.model.observation import Observation

LONGEST_SECONDS = 1e6
"""No phase takes longer: a probe has seconds."""
LARGEST_NUMBER = 2**53
"""What counters and every reader of JSON can hold."""
_GETTERS: dict[type, Callable[[object], tuple[object, ...]]] = {}
"""What returns all values of a dataclass at once."""
_TOLD = tuple(field.name for field in fields(Observation) if field.name != "endpoint")
_told_of = attrgetter(*_TOLD)


def check_soundness(seen: Observation) -> Observation:
    """Return an observation whose values are of the right types, if one can go on reckoning with it.

    Its endpoint is not looked at: whose it is, the reader knows.

    Raises:
        ValueError: a moment has no time zone, a number is negative or without bounds, or a text is none.
    """
    for name, value in zip(_TOLD, _told_of(seen), strict=True):
        if value is not None:
            _check(value, name)
    return seen


def _check(value: object, name: str) -> None:
    # In this order, since most are texts, or nothing.
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # halves of surrogate pairs, which nobody can write
    elif value is True or value is False:
        return
    elif isinstance(value, int | float):
        if not 0 <= value <= (LARGEST_NUMBER if isinstance(value, int) else LONGEST_SECONDS):
            raise ValueError(f"{name} is no such number")
    elif isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no time zone")
    else:
        for part in _parts_of(value):
            if part is not None:
                _check(part, name)


def _parts_of(value: object) -> Iterable[object]:
    if isinstance(value, tuple | frozenset):
        return value
    if isinstance(value, Mapping):
        return (*value.keys(), *value.values())
    return _getter_of(type(value))(value)


def _getter_of(kind: type) -> Callable[[object], tuple[object, ...]]:
    """Return what reads a dataclass's fields, without making the list of them each time."""
    if (getter := _GETTERS.get(kind)) is None:
        names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
        # Of one name an attrgetter returns the value itself, and of none there is no attrgetter.
        getter = attrgetter(*names) if len(names) > 1 else partial(_read_each, names)
        _GETTERS[kind] = getter
    return getter


def _read_each(names: Iterable[str], value: object) -> tuple[object, ...]:
    return tuple(getattr(value, name) for name in names)
