"""Reads text as what it may be another spelling of: without capitals, escapes and encodings of the web."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

_OF_URLS = r"(?:%[0-9a-f]{2})+"
_OF_HTML = r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,6});"
_OF_PROGRAMS = r"(?:\\x[0-9a-f]{2})+|(?-i:\\U[0-9a-f]{8})|(?:\\u[0-9a-f]{4})+|\\."
_PIECES = tuple(
    re.compile(f"{escapes}|.", re.IGNORECASE | re.DOTALL)
    for escapes in (_OF_URLS, _OF_HTML, _OF_PROGRAMS, f"{_OF_URLS}|{_OF_HTML}|{_OF_PROGRAMS}")
)
"""One way after the other, since a secret may look like an escape of another; and all at once."""
_NAMED = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}
"""RFC 8259 section 7."""
_FORM = str.maketrans("+", " ")
"""Forms of the web write a space so (RFC 1866 section 8.2.1)."""
_BASE64_OF_URLS = str.maketrans("-_", "+/")
"""RFC 4648 section 5."""
_OF_BASE64 = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+/=")

Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text, in small letters; `places` tells for each character where it stands in it."""

    letters: str
    places: tuple[Span, ...]

    def find(self, form: str) -> Iterator[Span]:
        """Yield where something stands in the text, however it is written."""
        for begin, end in self._find(form):
            yield self.places[begin][0], self.places[end - 1][1]

    def find_base64(self, form: str, *, is_begin: bool) -> Iterator[Span]:
        """Yield where a word of base64 stands that has a part in it, or begins with it."""
        for begin, end in self._find(form):
            first, last = begin, end
            while not is_begin and first and self.letters[first - 1] in _OF_BASE64:
                first -= 1
            while last < len(self.letters) and self.letters[last] in _OF_BASE64:
                last += 1
            yield self.places[first][0], self.places[last - 1][1]

    def _find(self, form: str) -> Iterator[Span]:
        folded = form.casefold()
        begin = self.letters.find(folded) if folded else -1
        while begin >= 0:
            yield begin, begin + len(folded)
            begin = self.letters.find(folded, begin + len(folded))


def read_in_all_ways(text: str) -> tuple[Reading, ...]:
    """Return the ways to read a text: as it stands, and with what URLs, HTML, JSON and Python escape."""
    plain = [(one, (place, place + 1)) for place, one in enumerate(text)]
    unescaped = [[(_unescape(found[0]), found.span()) for found in way.finditer(text)] for way in _PIECES]
    # What escapes stand for is not translated once more.
    form = [(_translate(letters, _FORM, text[place[0]]), place) for letters, place in unescaped[0]]
    of_urls = [(letters.translate(_BASE64_OF_URLS), place) for letters, place in unescaped[0]]
    return tuple(_fold(pieces) for pieces in (plain, *unescaped, form, of_urls))


def _fold(pieces: list[tuple[str, Span]]) -> Reading:
    folded = [(letters.casefold(), place) for letters, place in pieces]
    places = tuple(place for letters, place in folded for _ in letters)
    return Reading("".join(letters for letters, _ in folded), places)


def _translate(letters: str, table: Mapping[int, int], begin: str) -> str:
    return letters if begin == "%" else letters.translate(table)


def _unescape(piece: str) -> str:
    if len(piece) == 1:
        return piece
    if piece[0] == "%":
        return _decode(bytes.fromhex(piece.replace("%", "")))
    if piece[0] == "&":
        return html.unescape(piece)
    if piece[1] in "xX" and len(piece) > 2:
        return _decode(bytes.fromhex(piece.lower().replace("\\x", "")))
    if piece[1] == "U" and len(piece) == 10:
        return bytes.fromhex(piece[2:]).decode("utf-32-be", "replace")
    if piece[1] in "uU" and len(piece) > 2:
        return bytes.fromhex(piece.lower().replace("\\u", "")).decode("utf-16-be", "replace")
    return _NAMED.get(piece[1], piece[1])


def _decode(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
