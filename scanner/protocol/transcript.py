"""A transcript: a dialogue as it happened, line by line, escaped, bounded, and without anybody's password."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from scanner.protocol.display import display

MOST_LINES = 300
LONGEST_LINE = 2048
"""Bytes; a longer one is broken."""
HIDDEN = "***"

Speaker: TypeAlias = Literal["client", "server", "note"]

# A sign-in says its secret behind the mechanism or the user, or alone on a line as base64 (RFC 4954, RFC 9051
# section 6.2.3, RFC 1939 section 7, RFC 5034).
_SECRETS = re.compile(
    r"^((?:\S{1,64} )?(?:AUTH(?:ENTICATE)? [\w-]{1,40}|PASS|LOGIN \S{1,256}|APOP \S{1,256}) ).+$",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(r"^(?:\S{1,64} )?AUTH(?:ENTICATE)? ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, so many seconds after the beginning; what is no line of the dialogue is a note of ours."""

    at: float
    speaker: Speaker
    text: str

    def __str__(self) -> str:
        mark = {"client": "C:", "server": "S:", "note": "--"}[self.speaker]
        return f"{self.at:8.3f} {mark} {self.text}"


class Transcript:
    """Takes down what both sides say; `clock` tells seconds, and the first word is at 0."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun = clock()
        self._lines: list[Line] = []
        self._rest = b""
        self._is_signing_in = False

    @property
    def lines(self) -> tuple[Line, ...]:
        """What was said so far, with what has no line end yet."""
        return (*self._lines, *([self._make("server", display(self._rest))] if self._rest else ()))

    def sent(self, data: bytes) -> None:
        """Take down what we say."""
        self._flush()
        for line in data.splitlines():
            self._add("client", self._redact(display(line)))

    def received(self, data: bytes) -> None:
        """Take down what the server says, in whatever pieces it comes."""
        if len(self._lines) > MOST_LINES:
            return
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._add("server", display(line.removesuffix(b"\r")))
        while len(self._rest) > LONGEST_LINE:
            self._add("server", display(self._rest[:LONGEST_LINE]))
            self._rest = self._rest[LONGEST_LINE:]

    def note(self, text: str) -> None:
        """Take down what is no line of the dialogue, such as a handshake."""
        self._flush()
        self._add("note", display(text.encode()))

    def _flush(self) -> None:
        rest, self._rest = self._rest, b""
        if rest:
            self._add("server", display(rest))

    def _redact(self, text: str) -> str:
        if self._is_signing_in:
            # What answers a challenge is a secret, whatever it looks like.
            self._is_signing_in = False
            return HIDDEN
        self._is_signing_in = _ANNOUNCED.match(text) is not None
        return _SECRETS.sub(rf"\1{HIDDEN}", text)

    def _add(self, speaker: Speaker, text: str) -> None:
        if len(self._lines) < MOST_LINES:
            self._lines.append(self._make(speaker, text))
        elif len(self._lines) == MOST_LINES:
            self._lines.append(self._make("note", "what follows is left out"))

    def _make(self, speaker: Speaker, text: str) -> Line:
        return Line(round(self._clock() - self._begun, 6), speaker, text)
