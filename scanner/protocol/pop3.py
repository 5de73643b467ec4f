"""The POP3 dialogue (RFC 1939, 2449, 2595): greeting, CAPA, STLS, CAPA, QUIT; never USER or APOP."""

from collections.abc import Generator, Sequence

from scanner.model import Phase, Protocol, Reason
from scanner.protocol.display import capitals, display
from scanner.protocol.findings import MAX_MECHANISMS, Findings
from scanner.protocol.opening import begin_implicit_tls, read_first_line, reject_greeting
from scanner.protocol.wants import Dialogue, Failed, Interrupted, ReadLine, Send, StartTls, Want

MAX_CAPABILITIES = 256
QUIT_SECONDS = 2.0


def pop3(found: Findings, ehlo_name: str, *, implicit: bool) -> Dialogue:  # noqa: ARG001 - one signature for all
    """Hold one POP3 conversation and record what it shows."""
    if implicit:
        yield from begin_implicit_tls(found, Protocol.POP3)
    yield from _greet(found, implicit=implicit)
    if found.reason is None:
        yield from _talk(found, implicit=implicit)
    yield from _quit()


def _greet(found: Findings, *, implicit: bool) -> Generator[Want, bytes, None]:
    line = yield from read_first_line(Protocol.POP3, implicit=implicit)
    upper = line.upper()
    if upper.split(b" ", 1)[0].rstrip() not in (b"+OK", b"-ERR"):
        raise reject_greeting(line, Protocol.POP3)
    found.banner = display(line)
    if upper.startswith(b"-ERR"):
        found.fail(Reason.POP3_ERR, display(line))


def _talk(found: Findings, *, implicit: bool) -> Generator[Want, bytes, None]:
    if implicit:
        yield from _ask_inside_tls(found)
        return
    found.capabilities = yield from _capa(Phase.CAPABILITIES)
    found.auth_before_tls = auth_mechanisms(found.capabilities, found.banner)
    offered = None if found.capabilities is None else "STLS" in _keywords(found.capabilities)
    found.starttls_offered = offered
    if offered is False:
        return
    # An old server may know STLS and not CAPA (RFC 2449 came later): then STLS is asked for once.
    status, line = yield from _command(b"STLS", Phase.STARTTLS)
    found.starttls_reply = display(line)
    found.starttls_offered = offered or status
    if status:
        yield StartTls()
        yield from _ask_inside_tls(found)


def _ask_inside_tls(found: Findings) -> Generator[Want, bytes, None]:
    found.capabilities_tls = yield from _capa(Phase.CAPABILITIES_TLS)
    found.auth_after_tls = auth_mechanisms(found.capabilities_tls, found.banner)


def _capa(phase: Phase) -> Generator[Want, bytes, tuple[str, ...] | None]:
    """Return the capabilities, or None where CAPA is not supported."""
    status, _ = yield from _command(b"CAPA", phase)
    if not status:
        return None
    found: list[str] = []
    for _ in range(MAX_CAPABILITIES):
        line = yield ReadLine(phase)
        if line.rstrip() == b".":  # with trailing blanks at some servers
            return tuple(found)
        # RFC 1939 section 3: a line that starts with the termination octet is byte-stuffed.
        if capability := line.removeprefix(b".").strip():
            found.append(display(capability))
    raise Failed(Reason.PROTOCOL_ERROR, f"{MAX_CAPABILITIES} capabilities and no end")


def _command(command: bytes, phase: Phase) -> Generator[Want, bytes, tuple[bool, bytes]]:
    yield Send(command + b"\r\n", phase)
    line = yield ReadLine(phase)
    upper = line.upper()
    if upper.split(b" ", 1)[0].rstrip() not in (b"+OK", b"-ERR"):
        raise Failed(Reason.PROTOCOL_ERROR, f"not a POP3 reply: {display(line)}")
    return upper.startswith(b"+OK"), line


def _quit() -> Generator[Want, bytes, None]:
    yield Send(b"QUIT\r\n", Phase.QUIT)
    try:
        yield ReadLine(Phase.QUIT, QUIT_SECONDS)
    except Interrupted:
        return  # a server may hang up on QUIT: nothing is learnt from it


def _keywords(capabilities: Sequence[str]) -> set[str]:
    return {capitals(capability).split(" ", 1)[0] for capability in capabilities}


def auth_mechanisms(capabilities: Sequence[str] | None, banner: str | None) -> tuple[str, ...] | None:
    """Return the ways to sign in that are advertised: SASL mechanisms, USER, and APOP by its timestamp."""
    if capabilities is None:
        return None
    found: dict[str, None] = {}
    for capability in capabilities:
        words = capitals(capability).split()
        if words[:1] == ["SASL"]:
            found.update(dict.fromkeys(words[1:]))
        elif words[:1] == ["USER"]:
            found["USER"] = None
    start = (banner or "").find("<")
    if start >= 0 and "@" in (banner or "")[start:] and ">" in (banner or "")[start:]:
        return (*tuple(found)[:MAX_MECHANISMS], "APOP")
    return tuple(found)[:MAX_MECHANISMS]
