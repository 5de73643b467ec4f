"""Counts the lines that run of some modules: what a piece of work costs, whatever else the machine does."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any


class Lines:
    """How many lines were run."""

    count = 0


@contextmanager
def counted_lines(*modules: ModuleType) -> Iterator[Lines]:
    """Count what runs of these modules until the block ends; a tracer that was there comes back."""
    lines = Lines()
    files = frozenset(each.__file__ for each in modules)

    def trace(frame: FrameType, what: str, _: object) -> Callable[..., Any] | None:
        if frame.f_code.co_filename not in files:
            return None
        lines.count += what == "line"
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(former)
