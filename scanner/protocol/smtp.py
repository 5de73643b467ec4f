"""The SMTP dialogue (RFC 5321, 3207): greeting, EHLO, STARTTLS, EHLO, QUIT; never AUTH, MAIL, RCPT, VRFY."""

import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import lru_cache

from scanner.model import Phase, Protocol, Reason
from scanner.model.masked import is_masked_banner
from scanner.protocol.display import display
from scanner.protocol.findings import MAX_MECHANISMS, Findings
from scanner.protocol.opening import begin_implicit_tls, read_first_line, reject_greeting
from scanner.protocol.wants import Dialogue, Failed, Interrupted, ReadLine, ReadReply, Send, StartTls, Want

MAX_REPLY_LINES = 256
QUIT_SECONDS = 2.0
_REPLY_LINE = re.compile(rb"[0-9]{3}(?:[ -]|\Z)")
"""A bare code without text is legal (RFC 5321 section 4.2)."""
REMEMBERED = 512
LARGEST_REMEMBERED = 4096
"""Bytes of an EHLO reply; so hostile ones fill a few megabytes at most."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: its code, and the text of each line without the code."""

    code: int
    texts: tuple[bytes, ...]
    raw: bytes

    def shown(self) -> str:
        """The reply as one line of safe text."""
        return display(self.raw)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the lines of an EHLO reply behind the first say."""

    shown: tuple[str, ...]
    mechanisms: tuple[str, ...]
    has_starttls: bool
    is_masked: bool


def smtp(found: Findings, ehlo_name: str, *, implicit: bool) -> Dialogue:
    """Hold one SMTP conversation and record what it shows."""
    if implicit:
        yield from begin_implicit_tls(found, Protocol.SMTP)
    yield from _greet(found, implicit=implicit)
    if found.reason is None:
        yield from _talk(found, ehlo_name, implicit=implicit)
    yield from _quit()


def _greet(found: Findings, *, implicit: bool) -> Generator[Want, bytes, None]:
    line = yield from read_first_line(Protocol.SMTP, implicit=implicit)
    if not _is_reply_line(line):
        raise reject_greeting(line, Protocol.SMTP)
    found.banner = display(line)  # evidence, should the rest never come
    greeting = yield from _read_rest([line], ReadLine(Phase.GREETING))
    found.banner = found.banner if greeting.raw is line else greeting.shown()
    if 400 <= greeting.code < 500:
        found.fail(Reason.GREETING_TEMPFAIL, greeting.shown())
    elif greeting.code >= 500:
        found.fail(Reason.GREETING_REJECTED, greeting.shown())
    elif greeting.code != 220:
        found.fail(Reason.PROTOCOL_ERROR, f"a greeting must be 220: {greeting.shown()}")


def _talk(found: Findings, ehlo_name: str, *, implicit: bool) -> Generator[Want, bytes, None]:
    phase = Phase.CAPABILITIES_TLS if implicit else Phase.CAPABILITIES
    capabilities = yield from _hello(found, ehlo_name, phase)
    if found.reason is not None:
        return
    offer = read_offer(capabilities)
    if implicit:
        found.capabilities_tls, found.auth_after_tls = offer.shown, offer.mechanisms
        return
    found.capabilities, found.auth_before_tls = offer.shown, offer.mechanisms
    found.starttls_offered, found.starttls_masked = offer.has_starttls, offer.is_masked
    # A masked keyword or banner is a filter on the way (RFC 3207 section 6): ask once all the same,
    # its answer is the evidence. A server that merely does not offer STARTTLS is left in peace.
    if found.starttls_offered or found.starttls_masked or is_masked_banner(found.banner or ""):
        yield from _start_tls(found, ehlo_name)


def _start_tls(found: Findings, ehlo_name: str) -> Generator[Want, bytes, None]:
    reply = yield from _command(b"STARTTLS", Phase.STARTTLS)
    found.starttls_reply = reply.shown()
    if reply.code != 220:
        return
    yield StartTls()
    # RFC 3207 section 4.2: what was learnt before TLS is forgotten, so ask again.
    reply = yield from _command(b"EHLO " + ehlo_name.encode("ascii"), Phase.CAPABILITIES_TLS)
    if reply.code != 250:
        found.fail(Reason.PROTOCOL_ERROR, f"EHLO refused inside TLS: {reply.shown()}")
        return
    offer = read_offer(reply.texts[1:])
    found.capabilities_tls, found.auth_after_tls = offer.shown, offer.mechanisms


def _hello(found: Findings, name: str, phase: Phase) -> Generator[Want, bytes, tuple[bytes, ...]]:
    """EHLO, and HELO where EHLO is refused (RFC 5321 section 3.2); return the capability lines."""
    reply = yield from _command(b"EHLO " + name.encode("ascii"), phase)
    if reply.code == 250:
        found.hello = display(reply.texts[0])
        return reply.texts[1:]  # the first line is the greeting, never a capability
    if reply.code >= 500:
        found.ehlo_reply = reply.shown()
        reply = yield from _command(b"HELO " + name.encode("ascii"), phase)
        if reply.code == 250:
            return ()
    if reply.code >= 500 and any(word in (found.banner or "").upper() for word in ("LMTP", "FTP")):
        found.fail(Reason.WRONG_PROTOCOL, f"speaks another protocol: {found.banner}")
    elif reply.code >= 500:
        found.fail(Reason.GREETING_REJECTED, reply.shown())
    elif reply.code >= 400:
        found.fail(Reason.GREETING_TEMPFAIL, reply.shown())
    else:
        found.fail(Reason.PROTOCOL_ERROR, f"unexpected reply to EHLO: {reply.shown()}")
    return ()


def _quit() -> Generator[Want, bytes, None]:
    yield Send(b"QUIT\r\n", Phase.QUIT)
    try:
        while (yield ReadLine(Phase.QUIT, QUIT_SECONDS))[3:4] == b"-":
            pass  # whatever it says: nothing is learnt from it
    except Interrupted:
        return  # a server may hang up on QUIT


def _command(command: bytes, phase: Phase) -> Generator[Want, bytes, Reply]:
    yield Send(command + b"\r\n", phase)
    more_please = ReadReply(phase)
    lines = (yield more_please).split(b"\n")
    if not _is_reply_line(lines[0]):
        raise Failed(Reason.PROTOCOL_ERROR, f"not an SMTP reply: {display(lines[0])}")
    return (yield from _read_rest(lines, more_please))


def _read_rest(lines: list[bytes], more_please: ReadLine | ReadReply) -> Generator[Want, bytes, Reply]:
    """Check a reply and read on to its last line (RFC 5321 section 4.2.1); the first is checked already."""
    first, place = lines[0], 0
    while lines[place][3:4] == b"-":
        place += 1
        if place >= MAX_REPLY_LINES:
            raise Failed(Reason.PROTOCOL_ERROR, f"a reply of more than {MAX_REPLY_LINES} lines")
        if place == len(lines):
            lines += (yield more_please).split(b"\n")
        line = lines[place]
        if not _is_reply_line(line):
            raise Failed(Reason.PROTOCOL_ERROR, f"not an SMTP reply line: {display(line)}")
        if line[:3] != first[:3] and not (more_please.phase is Phase.GREETING and first[:3] == b"220"):
            # RFC 5321 section 4.2.1: every line has the same code. postscreen turns away behind its teaser.
            codes = f"{display(first)} / {display(line)}"
            raise Failed(Reason.PROTOCOL_ERROR, f"two codes in one reply: {codes}")
    raw = b"\n".join(lines) if place else first
    return Reply(int(lines[place][:3]), tuple([text[4:] for text in lines]), raw)


def _is_reply_line(line: bytes) -> bool:
    return _REPLY_LINE.match(line) is not None


def _keyword(line: bytes) -> str:
    return line.strip().split(b" ", 1)[0].upper().decode("ascii", "replace")


def _is_masked(line: bytes) -> bool:
    """Whether a capability was overwritten with X, as Cisco's ESMTP inspection does (XXXXXXXA)."""
    word = line.strip().split(b" ", 1)[0]
    return len(word) >= 4 and set(word[:-1]) == {ord("X")} and word[-1:].isalpha()


def auth_mechanisms(capabilities: Iterable[bytes]) -> tuple[str, ...]:
    """Return the SASL mechanisms of AUTH lines (RFC 4954), the old `AUTH=` form included."""
    found: dict[str, None] = {}
    for line in capabilities:
        if b"AUTH" not in line.upper():
            continue  # as most lines: spares the splitting
        words = line.replace(b"=", b" ", 1).split()
        if words and words[0].upper() == b"AUTH":
            found.update((display(word.upper()), None) for word in words[1:])
    return tuple(found)[:MAX_MECHANISMS]


def read_offer(capabilities: tuple[bytes, ...]) -> Offer:
    """Return what the lines of an EHLO reply say; the next connection mostly brings the same ones."""
    is_small = sum(map(len, capabilities)) <= LARGEST_REMEMBERED
    return _remember_offer(capabilities) if is_small else _read_offer(capabilities)


def _read_offer(capabilities: tuple[bytes, ...]) -> Offer:
    return Offer(
        shown=tuple(display(line.strip()) for line in capabilities if line.strip()),
        mechanisms=auth_mechanisms(capabilities),
        has_starttls="STARTTLS" in map(_keyword, capabilities),
        is_masked=any(map(_is_masked, capabilities)),
    )


_remember_offer = lru_cache(maxsize=REMEMBERED)(_read_offer)
