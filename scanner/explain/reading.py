"""Reads a pasted error or log line: finds its codes and phrases, and the explanation that fits best."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from scanner.explain.codes import Code, is_known_basic, read_code
from scanner.explain.entries import Explanation, read_explanations

MAX_CHARACTERS = 4096
"""What is read of a text; more is cut off, and told."""
_MOST_OTHERS = 3
_GENERIC = 1
_PRECISE_BY_CODE = 2

_ENHANCED = r"[245]\.[0-9]{1,3}\.[0-9]{1,3}"
_REPLY = re.compile(
    rf"(?<![\w.:/=#-])(?P<basic>[245][0-9]{{2}})(?:(?:[ -]#?|: |, ?b?['\"])(?P<with>{_ENHANCED}))?"
    r"(?![\w./]|: ?[0-9]|\.[0-9]| ?(?:ms|seconds|bytes|[kM]i?B)\b)"
    rf"|(?<![\w.:/-])(?P<alone>{_ENHANCED})(?![\w-]|\.[0-9])"
)
"""A reply code, an enhanced one behind it, or an enhanced one alone; no address, no version, no port."""
_NO_REPLY = re.compile(
    r"(?:port|line|pid|id|errno|error|size|in|after|of|for|alert number|alert code is)[ =:#(]*$"
)
_RESPONSE = re.compile(r"\[([a-z][a-z/-]{2,30})[\] ]", re.IGNORECASE)
_AGAIN = re.compile(r"\s*\b[245][0-9]{2}[ -][245]\.[0-9]{1,3}\.[0-9]{1,3}(?=\s)")
_QUOTES = str.maketrans(dict.fromkeys("\u2018\u2019\u00b4`", "'") | dict.fromkeys("\u201c\u201d", '"'))


@dataclass(frozen=True, slots=True)
class Match:
    """An explanation that fits, and the words of the text that say so."""

    explanation: Explanation
    evidence: str
    weight: tuple[int, int, int]
    """How sure: rank, whether a phrase said so or a code, and its length."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a text; nothing at all where it is not known."""

    text: str
    """As it was read: in one line a segment, without control characters."""
    is_cut: bool
    best: Match | None = None
    others: tuple[Match, ...] = ()
    """What else stands in it, such as a second reply."""
    codes: tuple[Code, ...] = ()
    """The reply codes in it, and what they say by themselves."""

    @property
    def is_known(self) -> bool:
        """Whether anything of it is known."""
        return self.best is not None or bool(self.codes)


@dataclass(frozen=True, slots=True)
class _Reply:
    basic: str | None
    enhanced: str | None
    start: int


def read_text(text: str) -> Reading:
    """Find out what a text of a program or a log means; the most precise explanation is the best.

    Nothing in it raises, and the time is bounded by `MAX_CHARACTERS`.
    """
    is_cut = len(text) > MAX_CHARACTERS
    lines = _tidy(text[:MAX_CHARACTERS])
    matches: dict[str, Match] = {}
    codes: dict[str, Code] = {}
    for segment in _split(lines):
        replies = list(_find_replies(segment))
        for reply in replies:
            code = read_code(reply.basic, reply.enhanced)
            if code is not None:
                codes.setdefault(code.text, code)
        match = _find_best(segment, replies)
        if match is not None:
            known = matches.get(match.explanation.id)
            if known is None or match.weight > known.weight:
                matches[match.explanation.id] = match
    ranked = sorted(matches.values(), key=lambda match: match.weight, reverse=True)
    best = ranked[0] if ranked else None
    others = tuple(match for match in ranked[1:] if match.weight[0] > _GENERIC)[:_MOST_OTHERS]
    return Reading("\n".join(lines), is_cut, best, others, tuple(codes.values()))


def _tidy(text: str) -> list[str]:
    """Return the lines with single spaces, plain quotation marks, and nothing that cannot be printed."""
    text = text.replace("\\r\\n", "\n").replace("\\n", "\n").translate(_QUOTES)
    plain = "".join(
        char if char.isprintable() else "\n" if char in "\r\n" else " "
        for char in unicodedata.normalize("NFC", text)
    )
    return [line for raw in plain.split("\n") if (line := " ".join(raw.split()))]


def _split(lines: list[str]) -> Iterator[str]:
    """Yield the text piece by piece: each reply with all of its lines, and what is no reply line by line."""
    pieces: list[tuple[str | None, str]] = []
    for line in lines:
        starts = [reply for reply in _find_replies(line) if reply.basic is not None]
        cuts = [0, *(reply.start for reply in starts), len(line)]
        codes = [None, *(reply.basic for reply in starts)]
        places = zip(codes, cuts[:-1], cuts[1:], strict=True)
        parts = [(code, line[here:there]) for code, here, there in places]
        pieces += [(code, piece.strip()) for code, piece in parts if piece.strip(" :;,([\"'")]
    merged: list[tuple[str | None, str]] = []
    for code, piece in pieces:
        if code is not None and merged and merged[-1][0] == code:
            merged[-1] = (code, f"{merged[-1][1]} {piece}")
        else:
            merged.append((code, piece))
    yield from (piece for _, piece in merged)


def _find_replies(text: str) -> Iterator[_Reply]:
    """Yield the reply codes of a text; three digits count where they are a code of SMTP."""
    for found in _REPLY.finditer(text):
        if found["alone"]:
            yield _Reply(None, found["alone"], found.start())
        elif found["with"] or (
            is_known_basic(found["basic"]) and not _NO_REPLY.search(text[: found.start()].lower()[-24:])
        ):
            yield _Reply(found["basic"], found["with"], found.start())


def _find_best(segment: str, replies: list[_Reply]) -> Match | None:
    """Return the explanation that a piece of text says most precisely."""
    found = [*_match_phrases(segment), *_match_codes(segment, replies)]
    return max(found, key=lambda match: match.weight, default=None)


def _match_phrases(segment: str) -> Iterator[Match]:
    head = segment[:12]
    text = head + _AGAIN.sub("", segment[12:])
    for entry, pattern in _patterns():
        longest = max(pattern.finditer(text), key=lambda found: len(found[0]), default=None)
        if longest is not None:
            yield Match(entry, longest[0], (entry.rank, 1, len(longest[0])))


def _match_codes(segment: str, replies: list[_Reply]) -> Iterator[Match]:
    by_code = _by_code()
    for reply in replies:
        words = []
        if reply.basic and reply.enhanced:
            words.append((f"{reply.basic} {reply.enhanced}", _PRECISE_BY_CODE))
        if reply.enhanced:
            words.append((reply.enhanced, _PRECISE_BY_CODE))
        elif reply.basic:  # alone: an enhanced code beside it says more than the three digits
            words.append((reply.basic, _GENERIC))
        known = next(((word, rank) for word, rank in words if word in by_code), None)
        if known is not None:
            yield _weigh(by_code[known[0]], *known)
    for found in _RESPONSE.finditer(segment):
        word = f"[{found[1].upper()}]"
        if word in by_code:
            yield _weigh(by_code[word], word, _PRECISE_BY_CODE)


def _weigh(entry: Explanation, code: str, rank: int) -> Match:
    return Match(entry, code, (min(rank, entry.rank), 0, len(code)))


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[Explanation, re.Pattern[str]], ...]:
    return tuple((entry, _compile(entry.says)) for entry in read_explanations())


@lru_cache(maxsize=1)
def _by_code() -> dict[str, Explanation]:
    return {code: entry for entry in read_explanations() for code in entry.codes}


def _compile(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Make one pattern of phrases; words may be joined by spaces, underscores or hyphens, or not at all."""
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile("|".join(_write(phrase) for phrase in longest_first), re.IGNORECASE)


def _write(phrase: str) -> str:
    parts = [".{0,80}?" if word == "*" else re.escape(word) for word in phrase.split()]
    before = r"(?<![a-z0-9])" if phrase[0].isalnum() else ""
    after = r"(?![0-9])" if phrase[-1].isdigit() else ""
    return before + "[ _-]{0,2}".join(parts) + after
