"""How much room a value takes in memory, with all that is in it."""

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum


def size_of(value: object) -> int:
    """Return the bytes that a value takes with all that is in it; what is shared counts each time."""
    if value is None or isinstance(value, bool | Enum):
        return 0
    size = sys.getsizeof(value)
    if isinstance(value, tuple | frozenset):
        return size + sum(map(size_of, value))
    if isinstance(value, Mapping):
        return size + sum(size_of(key) + size_of(item) for key, item in value.items())
    if is_dataclass(value):
        return size + sum(size_of(getattr(value, each.name)) for each in fields(value))
    return size
