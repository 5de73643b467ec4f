"""Which product answers: read from what the server says, never from the name of its host."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scanner.model import Protocol
from scanner.model.masked import is_masked_banner
from scanner.verdict.banner import normalise_banner
from scanner.verdict.products import CAPABILITIES, DOMAINS, MARKS, Mark

__all__ = ["identify", "normalise_banner"]

_LONGEST_BANNER = 512
_MOST_CAPABILITIES = 64
_MOST_LABELS = max(domain.count(".") + 1 for domain in DOMAINS)
_MARKS_OF = {
    protocol: tuple(mark for mark in MARKS if mark.protocol in {None, protocol}) for protocol in Protocol
}
_LINE_BREAKS = re.compile(r"(?:\\r|\\n|\r|\n)+")
_OPENINGS: dict[Protocol, re.Pattern[str]] = {
    Protocol.SMTP: re.compile(r"\d{3}(?:[ -]|$)(?:\d\.\d\.\d )?", re.ASCII),
    Protocol.IMAP: re.compile(r"\* (?:OK|PREAUTH|BYE)(?: |$)(?:\[[^\]]*\]? ?)?", re.IGNORECASE),
    Protocol.POP3: re.compile(r"(?:\+OK|-ERR)(?: |$)(?:\[[^\]]*\]? ?)?", re.IGNORECASE),
}
_INLINE_CAPABILITIES = re.compile(r"\* (?:OK|PREAUTH) \[CAPABILITY ([^\]]*)", re.IGNORECASE)
_ONLY_A_TIMESTAMP = re.compile(r"\+OK <\d{1,10}\.\d{1,12}@[^<>\s]{1,255}>", re.ASCII)
_PUNCTUATION = "()<>[]{},;:\"'!"
_VERSION_BEHIND = re.compile(
    r"(?:\(TM\))?([ ,:/(\[-]{0,3})(?:[Vv]ersion:? ?|Release |[Vv])?(\d{1,4}(?:[._][0-9A-Za-z]{1,8}){1,5})",
    re.ASCII,
)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_ENCODED_HOST = re.compile(r"\[([A-Za-z0-9+/]{16,400}={0,2})\]")
_MICROSOFT_CLOUD = (".outlook.com", ".office365.com", ".mx.microsoft")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a greeting, taken apart: the host it names, what it says, and both together."""

    host: str
    text: str
    whole: str


def identify(protocol: Protocol, banner: str | None, capabilities: Sequence[str]) -> str | None:
    """Name the product, with its version where the banner states one; None when nothing is sure.

    A mark counts only behind the host name: `220 postfix.example.com ESMTP` says nothing about Postfix.
    """
    shown = "" if banner is None or is_masked_banner(banner) else banner[:_LONGEST_BANNER]
    lines = tuple(_read_lines(protocol, shown))
    return (
        _by_marks(protocol, lines, shown)
        or _by_capabilities(protocol, capabilities, shown)
        or _by_host_name(lines)
    )


def _by_marks(protocol: Protocol, lines: Sequence[_Line], banner: str) -> str | None:
    for mark in _MARKS_OF[protocol]:
        for line in lines:
            found = mark.pattern.search(line.whole if mark.at_start else line.text)
            if found is not None:
                if mark.name == "Microsoft Exchange" and _is_microsoft_cloud(line.host, banner):
                    return "Microsoft 365"
                return _with_version(mark, found)
    if protocol is Protocol.POP3 and _ONLY_A_TIMESTAMP.fullmatch(banner):
        return "qmail"
    return None


def _by_capabilities(protocol: Protocol, capabilities: Sequence[str], banner: str) -> str | None:
    announced = [capability[:_LONGEST_BANNER] for capability in capabilities[:_MOST_CAPABILITIES]]
    inline = _INLINE_CAPABILITIES.match(banner)
    if protocol is Protocol.IMAP and inline is not None:
        announced += inline[1].split()
    for capability in announced:
        words = capability.split()
        if not words:
            continue
        keyword = words[0].upper()
        if keyword in CAPABILITIES:
            return CAPABILITIES[keyword]
        if keyword == "IMPLEMENTATION":  # RFC 2449 section 6.9
            text = _without_names(words[1:])
            return _by_marks(protocol, (_Line("", text, text),), "")
    return None


def _by_host_name(lines: Sequence[_Line]) -> str | None:
    for line in lines:
        labels = line.host.lower().rstrip(".").split(".")
        for start in range(max(0, len(labels) - _MOST_LABELS), len(labels) - 1):
            name = DOMAINS.get(".".join(labels[start:]))
            if name is not None:
                return name
    return None


def _read_lines(protocol: Protocol, banner: str) -> Iterator[_Line]:
    for raw in _LINE_BREAKS.split(banner):
        opening = _OPENINGS[protocol].match(raw)
        words = raw[opening.end() :].split() if opening else []
        if words:
            host = words[0] if _opens_with_host(protocol, words[0]) else ""
            yield _Line(host, _without_names(words[1:] if host else words), " ".join(words))


def _opens_with_host(protocol: Protocol, word: str) -> bool:
    """RFC 5321 section 4.2: an SMTP greeting begins with a host name; elsewhere it must look like one."""
    if protocol is Protocol.SMTP:
        return word.upper() not in {"ESMTP", "SMTP"}
    return _is_name(word)


def _without_names(words: Sequence[str]) -> str:
    return " ".join(word for word in words if not _is_name(word))


def _is_name(word: str) -> bool:
    """Tell host names and mail addresses from versions such as `8.15.2/8.15.2` and from plain words."""
    core = word.strip(_PUNCTUATION).rstrip(".")
    if "@" in core:
        return True
    labels = core.split(".")
    if len(labels) < 2 or not all(label.replace("-", "").replace("_", "").isalnum() for label in labels):
        return False
    is_version = labels[0].isdigit() and labels[1][:1].isdigit()
    return not is_version and labels[-1][0].isalpha() and len(labels[-1]) > 1


def _with_version(mark: Mark, found: re.Match[str]) -> str:
    version = found.groupdict().get("version")
    if version is None:
        behind = _VERSION_BEHIND.match(found.string, found.end())
        if behind is not None and not (set(behind[1]) & set("([") and _ADDRESS.fullmatch(behind[2])):
            version = behind[2]
    return mark.name if version is None else f"{mark.name} {version}"


def _is_microsoft_cloud(host: str, banner: str) -> bool:
    """Exchange writes its host's name into the IMAP and POP3 greeting as base64 of UTF-16."""
    if host.lower().endswith(_MICROSOFT_CLOUD):
        return True
    encoded = _ENCODED_HOST.search(banner)
    if encoded is None:
        return False
    try:
        name = base64.b64decode(encoded[1]).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return name.lower().endswith(_MICROSOFT_CLOUD)
