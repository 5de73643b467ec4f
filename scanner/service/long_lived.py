"""Keeps what lives long out of the garbage collector's way."""

import gc

_THRESHOLDS = (1_000, 5, 50_000)
"""What outlives the first look is looked at once more, a few thousand objects at a time; all of it seldom."""

MOST_LOOKED_AT = 100_000
"""Set aside once, more than these are not looked at again: that would stop everything for 20 ms and more, and
what was loaded alone is more. Cycles among them that have become garbage since stay; a reload leaves few."""


def set_aside() -> None:
    """Free what is garbage now, and let the collector pass over all the rest from here on.

    What is known of the domains stays for hours and holds no cycles: it is freed when it is let go, without
    the collector. To visit it again and again costs more CPU than all else in a plan, and stops every probe
    for seconds where there are many domains, right in the middle of its timing (`bench/store.py` shows it).
    Almost all else is freed by its reference count; the rest, cycles of exceptions and tasks, dies young.
    The scan of a long list does it before it begins: a sixth of its CPU went into visiting its sections.
    """
    if gc.get_freeze_count() < MOST_LOOKED_AT:
        gc.unfreeze()  # what was set aside before may have become garbage
        gc.collect()
    else:
        gc.collect(1)  # of what came lately
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def let_go() -> None:
    """Free what is garbage now, also of what was set aside: nearly all, of a watch that has ended.

    It takes as long as there is much, and so is for when nothing is probed.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
