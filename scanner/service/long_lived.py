"""Keeps what lives long out of the garbage collector's way."""

import gc


def set_aside() -> None:
    """Free what is garbage now, and let the collector pass over all the rest from here on.

    What is known of the domains stays for hours and holds no cycles: it is freed when it is let go, without
    the collector. To visit it again and again costs more CPU than all else in a plan, and stops every probe
    for seconds where there are many domains, right in the middle of its timing.
    """
    gc.unfreeze()  # what was set aside before may have become garbage
    gc.collect()
    gc.freeze()
