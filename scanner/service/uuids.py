"""Names for events: UUIDs of version 7 (RFC 9562), which grow with time."""

import secrets
import time
from collections.abc import Callable
from uuid import UUID


class Uuids:
    """Makes names that no other has, each greater than the one before.

    Args:
        clock: nanoseconds since 1970; it may stand still or go back.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._last = 0

    def make(self) -> str:
        """Return the next one."""
        # Section 6.2, method 3: the 12 bits behind the milliseconds go on counting in 4096ths of one.
        self._last = ticks = max(self._last + 1, (self._clock() << 12) // 1_000_000)
        head = (ticks >> 12) << 16 | 0x7000 | (ticks & 0xFFF)
        return str(UUID(int=head << 64 | 0b10 << 62 | secrets.randbits(62)))
