"""A bounded line buffer: bytes in, lines out, never more held than one line and one read."""

MAX_LINE = 16 * 1024
"""Longest line taken (bytes). RFC 5321 section 4.5.3.1.5 allows 512; IMAP capability lines run longer."""


class LineTooLongError(Exception):
    """The peer sent a line longer than `MAX_LINE`."""


class LineBuffer:
    """Collects bytes and hands out lines without their line ending (CRLF, or a bare LF)."""

    __slots__ = ("_data", "_searched")

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Add bytes as they came."""
        self._data += data

    def peek(self, count: int) -> bytes:
        """Return up to `count` bytes without taking them."""
        return bytes(self._data[:count])

    def take_line(self) -> bytes | None:
        """Return the next whole line, or None for "more bytes please".

        Raises:
            LineTooLongError: no line ending within `MAX_LINE` bytes.
        """
        end = self._data.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._data)
            if self._searched > MAX_LINE:
                raise LineTooLongError
            return None
        if end > MAX_LINE:
            raise LineTooLongError
        line = bytes(self._data[:end])
        del self._data[: end + 1]
        self._searched = 0
        return line.removesuffix(b"\r")

    def take(self, count: int) -> bytes | None:
        """Return exactly `count` bytes, or None for "more bytes please" (IMAP literals)."""
        if len(self._data) < count:
            return None
        taken = bytes(self._data[:count])
        del self._data[:count]
        self._searched = 0
        return taken

    def clear(self) -> bytes:
        """Drop and return whatever is held."""
        left = bytes(self._data)
        self._data.clear()
        self._searched = 0
        return left
