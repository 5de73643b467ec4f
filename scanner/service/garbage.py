"""Tunes Python's garbage collector for a process with a loop that must not stand still."""

import gc

_YOUNG = 1_000
_MIDDLE_EVERY = 5
"""What outlives the first look is looked at once more, a few thousand objects at a time: some ms."""
_FULL_EVERY = 50_000


def spare_the_loop() -> None:
    """Collect now, and seldom look at what lives long.

    A full collection stops every thread while it walks over all objects, many where many endpoints are
    known (`bench/store.py` measures it). Almost everything is freed by its reference count; the rest, cycles
    of exceptions and tasks, dies young. Call it once, when everything is loaded.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE_EVERY, _FULL_EVERY)
