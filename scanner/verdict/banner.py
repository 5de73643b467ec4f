"""A greeting without what changes from probe to probe: an unchanged server gives an unchanged text."""

import itertools
import re
from functools import lru_cache

_LONGEST_INPUT = 512
_LONGEST_OUTPUT = 120
_GONE = "<*>"

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?[AaPp][Mm]\b)?"
_ZONE = r"(?: ?(?:[+-]\d{2}:?\d{2}\b|(?:Z|UTC|[A-Z]{2,4}T)\b))?(?: ?\([A-Z]{2,5}\))?"
_START = r"(?<![\w.:-])"
_YEAR_FIRST = rf"\d{{4}}[-/.](?:\d{{1,2}}|{_MONTH})[-/.]\d{{1,2}}"

_REPLACEMENTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), replacement)
    for pattern, replacement in (
        (r"\[CAPABILITY [^\]]*\]?", "[CAPABILITY <*>]"),
        # RFC 1939 section 7: the APOP timestamp. Message ids have the same form.
        (r"<[^<>\s]{1,255}@[^<>\s]{1,255}>", _GONE),
        (rf"{_START}(?:{_DAY},? )?\d{{1,2}}[ -]{_MONTH}[ -]\d{{2,4}}(?:,? {_TIME}{_ZONE})?", _GONE),
        (rf"{_START}{_DAY},? {_MONTH} {{1,2}}\d{{1,2}} {_TIME}{_ZONE}(?: \d{{4}}\b)?", _GONE),
        (rf"{_START}{_MONTH} \d{{1,2}}, \d{{4}}(?:,? {_TIME}{_ZONE})?", _GONE),
        (rf"{_START}{_YEAR_FIRST}(?:[T ,]{{1,2}}{_TIME}{_ZONE})?(?![\w.])", _GONE),
        (rf"{_START}\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}},? {_TIME}{_ZONE}", _GONE),
        (rf"{_START}\d{{1,2}}/\d{{1,2}}/\d{{2,4}}(?![\w/])", _GONE),
        (rf"{_START}{_TIME}{_ZONE}(?![\w:.])", _GONE),
        # Ids and node names that only the service's own wording tells from other words.
        (r"SimpleEmailService-[\w-]{1,80}", f"SimpleEmailService-{_GONE}"),
        (r"\([\w-]{1,64}\) Nemesis", f"({_GONE}) Nemesis"),
        (r"ready H [\w-]{1,64}", f"ready H {_GONE}"),
        (r"\[[A-Za-z0-9+/=_.:-]{8,400}\]", f"[{_GONE}]"),
    )
)
_LINE_BREAKS = re.compile(r"(?:\\r|\\n|\r|\n)+(?:\d{3}[ -])?", re.ASCII)
_REPEATED = re.compile(r"<\*>(?:[ ,;.-]{1,3}<\*>)+")
_BETWEEN_WORDS = re.compile(r"([\s()\[\]<>{},;\"']+)")
_BETWEEN_PARTS = re.compile(r"([@/=#]+)")

_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?", re.ASCII)
_IPV6 = re.compile(r"(?:IPv6:)?[0-9A-Fa-f.]{0,15}:[0-9A-Fa-f.]{0,15}:[0-9A-Fa-f:.]{0,60}", re.ASCII)
_ENCODED = re.compile(r"[A-Za-z0-9+/]{20,}={0,2}", re.ASCII)
_VERSION = re.compile(
    r"[vV]?\d{1,4}[a-z]?(?:[._]\d{1,6}[A-Za-z]{0,4}\d{0,3}){1,5}(?:_[A-Z]{2,4}(?:_\d{1,6})?)?(?:[-+~][\w.+~-]{0,40})?",
    re.ASCII,
)
_NAMED_NUMBER = re.compile(r"([A-Za-z][A-Za-z_-]{1,80})\d+", re.ASCII)
_KEPT = frozenset(
    {"imap4", "imap4rev1", "imap4rev2", "imaprev1", "pop3", "x64", "x86", "amd64", "utf8", "win32", "win64"}
)
_BEFORE_A_VERSION = frozenset({"icewarp", "merak", "ecelerity", "version", "version:", "release", "service"})
_SHORTEST_ID = 6
_SHORTEST_RANDOM_LETTERS = 12
_FEWEST_RISES = 3
_SHORTEST_NUMBER = 5


# Read by several in each probe, and mostly the same as in the one before.
@lru_cache(maxsize=4096)
def normalise_banner(banner: str) -> str:
    """Replace addresses, ids, dates, host numbers and timestamps by `<*>`; at most 120 characters.

    Two probes of one unchanged server give the same text. Versions stay: a new one is worth seeing.
    """
    text = _LINE_BREAKS.sub(" ", banner[:_LONGEST_INPUT])
    code, text = (text[:4], text[4:]) if text[:3].isdigit() and text[3:4] in {" ", "-"} else ("", text)
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    text = _replace_words(text)
    text = _REPEATED.sub(_GONE, code + " ".join(text.split()))
    return _cut(text)


def _replace_words(text: str) -> str:
    pieces = _BETWEEN_WORDS.split(text)
    previous = ""
    for index in range(0, len(pieces), 2):
        word = pieces[index]
        if word:
            pieces[index] = _replace_word(word, previous)
            previous = word.lower()
    return "".join(pieces)


def _replace_word(word: str, previous: str) -> str:
    core = word.rstrip(".:!?-")
    tail = word[len(core) :]
    is_address = _IPV4.fullmatch(core) and previous not in _BEFORE_A_VERSION
    if is_address or _IPV6.fullmatch(core) or (_ENCODED.fullmatch(core) and _is_random(core)):
        return _GONE + tail
    host, colon, port = core.partition(":")
    if _is_host(host) and (port.isdigit() or not colon):
        return _replace_numbers(host) + colon + port + tail
    parts = _BETWEEN_PARTS.split(core)
    parts[::2] = [_replace_part(part) for part in parts[::2]]
    return "".join(parts) + tail


def _is_host(word: str) -> bool:
    labels = word.split(".")
    return (
        len(labels) > 1 and labels[-1].isalpha() and all(re.fullmatch(r"[\w-]+", label) for label in labels)
    )


def _replace_numbers(host: str) -> str:
    """`smtp12.i.mail.ru` is one of many; the domain itself (`163.com`) keeps its number."""
    labels = host.split(".")
    return ".".join(
        [_replace_part(label) if _has_digit(label) else label for label in labels[:-2]] + labels[-2:]
    )


def _replace_part(part: str) -> str:
    if not _has_digit(part):
        return _GONE if _is_random(part) else part
    if part.lower() in _KEPT or _VERSION.fullmatch(part):
        return part
    if part.isdigit():
        return _GONE if len(part) >= _SHORTEST_NUMBER else part
    named = _NAMED_NUMBER.fullmatch(part)
    if named is not None:
        return named[1] + _GONE
    return _GONE if len(part) >= _SHORTEST_ID else part


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _is_random(word: str) -> bool:
    """Words change from small to capital letters seldom; ids and base64 often."""
    rises = sum(first.islower() and second.isupper() for first, second in itertools.pairwise(word))
    return len(word) >= _SHORTEST_RANDOM_LETTERS and rises >= _FEWEST_RISES


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_OUTPUT:
        return text
    cut = text[:_LONGEST_OUTPUT]
    return cut.removesuffix("<*").removesuffix("<").rstrip()
