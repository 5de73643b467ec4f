"""A bounded line buffer: bytes in, lines out, never more held than one line and one read."""

MAX_LINE = 16 * 1024
"""Longest line taken (bytes). RFC 5321 section 4.5.3.1.5 allows 512; IMAP capability lines run longer."""


class LineTooLongError(Exception):
    """The peer sent a line longer than `MAX_LINE`."""


class LineBuffer:
    """Collects bytes and hands out lines without their line ending (CRLF, or a bare LF)."""

    __slots__ = ("_data", "_searched", "_start")

    def __init__(self) -> None:
        self._data = bytearray()
        self._start = 0
        """Where begins what was not handed out yet: nothing is moved for each line."""
        self._searched = 0

    def __len__(self) -> int:
        return len(self._data) - self._start

    def feed(self, data: bytes) -> None:
        """Add bytes as they came."""
        if self._start:
            del self._data[: self._start]
            self._searched -= self._start
            self._start = 0
        self._data += data

    def peek(self, count: int) -> bytes:
        """Return up to `count` bytes without taking them."""
        return bytes(self._data[self._start : self._start + count])

    def take_line(self) -> bytes | None:
        """Return the next whole line, or None for "more bytes please".

        Raises:
            LineTooLongError: no line ending within `MAX_LINE` bytes.
        """
        data, start = self._data, self._start
        end = data.find(b"\n", self._searched)
        if (end if end >= 0 else len(data)) - start > MAX_LINE:
            raise LineTooLongError
        if end < 0:
            self._searched = len(data)
            return None
        self._start = self._searched = end + 1
        return bytes(data[start:end]).removesuffix(b"\r")

    def take_reply(self) -> bytes | None:
        """Return the lines at hand with newlines between them, or None for "more bytes please".

        The first one without a hyphen in fourth place is the last (RFC 5321 section 4.2.1); the reply may go
        on in lines that are still to come.

        Raises:
            LineTooLongError: as by `take_line`, of the first line.
        """
        line = self.take_line()
        if line is None or line[3:4] != b"-":
            return line
        data, first = self._data, self._start
        while (end := data.find(b"\n", self._start)) >= 0 and end - self._start <= MAX_LINE:
            is_last = data[self._start + 3 : self._start + 4] != b"-"
            self._start = self._searched = end + 1
            if is_last:
                break
        if self._start == first:
            return line
        return line + b"\n" + bytes(data[first : self._start - 1]).replace(b"\r\n", b"\n").removesuffix(b"\r")

    def take(self, count: int) -> bytes | None:
        """Return exactly `count` bytes, or None for "more bytes please" (IMAP literals)."""
        end = self._start + count
        if len(self._data) < end:
            return None
        taken = bytes(self._data[self._start : end])
        self._start = self._searched = end
        return taken

    def clear(self) -> bytes:
        """Drop and return whatever is held."""
        left = bytes(self._data[self._start :])
        self._data.clear()
        self._start = self._searched = 0
        return left
