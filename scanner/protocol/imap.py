"""The IMAP dialogue (RFC 9051, RFC 2595): greeting, CAPABILITY, STARTTLS, CAPABILITY, LOGOUT; never LOGIN."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from scanner.model import Phase, Protocol, Reason
from scanner.protocol.display import capitals, display
from scanner.protocol.findings import MAX_MECHANISMS, Findings
from scanner.protocol.opening import begin_implicit_tls, read_first_line, reject_greeting
from scanner.protocol.wants import Dialogue, Failed, Interrupted, ReadBytes, ReadLine, Send, StartTls, Want

MAX_RESPONSES = 256
MAX_LITERAL = 64 * 1024
LOGOUT_SECONDS = 2.0

# Their text may end in `{7}` and yet holds no literal (RFC 9051 section 9, resp-text).
_STATUSES = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")


@dataclass(frozen=True, slots=True)
class Answer:
    """The tagged completion of a command and the capabilities seen on the way to it."""

    status: bytes
    line: bytes
    capabilities: tuple[str, ...] | None


def imap(found: Findings, ehlo_name: str, *, implicit: bool) -> Dialogue:  # noqa: ARG001 - one signature for all
    """Hold one IMAP conversation and record what it shows."""
    if implicit:
        yield from begin_implicit_tls(found, Protocol.IMAP)
    greeted = yield from _greet(found, implicit=implicit)
    if found.reason is not None:
        return
    answer = yield from _command(
        b"a1", b"CAPABILITY", Phase.CAPABILITIES_TLS if implicit else Phase.CAPABILITIES
    )
    capabilities = answer.capabilities if answer.capabilities is not None else greeted
    if implicit:
        _record_tls(found, capabilities)
    else:
        yield from _talk_in_clear(found, capabilities)
    yield from _logout()


def _greet(found: Findings, *, implicit: bool) -> Generator[Want, bytes, tuple[str, ...] | None]:
    line = yield from read_first_line(Protocol.IMAP, implicit=implicit)
    words = line.split(b" ", 2)
    status = words[1].upper() if len(words) > 1 else b""
    if words[0] != b"*" or status not in (b"OK", b"PREAUTH", b"BYE"):
        raise reject_greeting(line, Protocol.IMAP)
    found.banner = display(line)
    found.preauth = status == b"PREAUTH"
    if status == b"BYE":
        found.fail(Reason.IMAP_BYE, display(line))
    return _response_code_capabilities(line)


def _talk_in_clear(found: Findings, capabilities: tuple[str, ...] | None) -> Generator[Want, bytes, None]:
    found.capabilities = capabilities
    found.auth_before_tls = auth_mechanisms(capabilities)
    offered = None if capabilities is None else "STARTTLS" in _upper(capabilities)
    found.starttls_offered = offered
    # PREAUTH is the authenticated state, in which STARTTLS is not allowed (RFC 9051 section 6.2.1).
    # Capabilities that could not be had say nothing, so STARTTLS is asked for once.
    if found.preauth or offered is False:
        return
    answer = yield from _command(b"a2", b"STARTTLS", Phase.STARTTLS)
    found.starttls_reply = display(answer.line)
    found.starttls_offered = offered or answer.status == b"OK"
    if answer.status != b"OK":
        return
    yield StartTls()
    # RFC 9051 section 6.2.1: the capabilities cached before TLS must be discarded.
    answer = yield from _command(b"a3", b"CAPABILITY", Phase.CAPABILITIES_TLS)
    _record_tls(found, answer.capabilities)


def _record_tls(found: Findings, capabilities: tuple[str, ...] | None) -> None:
    found.capabilities_tls = capabilities
    found.auth_after_tls = auth_mechanisms(capabilities)


def _logout() -> Generator[Want, bytes, None]:
    yield Send(b"a9 LOGOUT\r\n", Phase.QUIT)
    try:
        while not (yield ReadLine(Phase.QUIT, LOGOUT_SECONDS)).startswith(b"a9 "):
            pass
    except Interrupted:
        return  # a server may hang up on LOGOUT: nothing is learnt from it


def _command(tag: bytes, command: bytes, phase: Phase) -> Generator[Want, bytes, Answer]:
    yield Send(tag + b" " + command + b"\r\n", phase)
    capabilities: tuple[str, ...] | None = None
    for _ in range(MAX_RESPONSES):
        line = yield ReadLine(phase)
        if not line:
            continue
        first, _, rest = line.partition(b" ")
        word = rest.split(b" ", 1)[0].upper()
        if word not in _STATUSES:
            line = yield from _read_literals(line, phase)
            rest = line.partition(b" ")[2]
        if first == tag:
            return Answer(word, line, capabilities or _response_code_capabilities(line))
        if first != b"*":
            raise Failed(Reason.PROTOCOL_ERROR, f"not an IMAP response: {display(line)}")
        if word == b"CAPABILITY":
            told = _tokens(rest[len(b"CAPABILITY") :])
            capabilities = tuple(dict.fromkeys((*(capabilities or ()), *told)))[:MAX_RESPONSES]
        elif word == b"BYE":
            raise Failed(Reason.IMAP_BYE, display(line))
    raise Failed(Reason.PROTOCOL_ERROR, f"more than {MAX_RESPONSES} responses to one command")


def _read_literals(line: bytes, phase: Phase) -> Generator[Want, bytes, bytes]:
    """Complete a line that announces literals (`{n}` at its end, RFC 9051 section 4.3)."""
    while (size := _literal_size(line)) is not None:
        if size + len(line) > MAX_LITERAL:
            raise Failed(Reason.PROTOCOL_ERROR, f"a literal of more than {MAX_LITERAL} bytes")
        literal = yield ReadBytes(phase, size)
        line += b"\r\n" + literal + (yield ReadLine(phase))
    return line


def _literal_size(line: bytes) -> int | None:
    _, brace, digits = line[:-1].rpartition(b"{")
    digits = digits.removesuffix(b"+")
    if not (brace and line.endswith(b"}") and digits.isdigit()):
        return None
    return int(digits) if len(digits) < 10 else MAX_LITERAL + 1


def _response_code_capabilities(line: bytes) -> tuple[str, ...] | None:
    start = line.upper().find(b"[CAPABILITY ")
    if start < 0:
        return None
    end = line.find(b"]", start)
    return _tokens(line[start + len(b"[CAPABILITY ") : end if end > 0 else len(line)])


def _tokens(data: bytes) -> tuple[str, ...]:
    return tuple(display(word) for word in data.split()[:MAX_RESPONSES])


def _upper(capabilities: Sequence[str]) -> set[str]:
    return {capitals(capability) for capability in capabilities}


def auth_mechanisms(capabilities: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the ways to sign in: `AUTH=` mechanisms, and LOGIN unless LOGINDISABLED forbids it."""
    if capabilities is None:
        return None
    upper = [capitals(capability) for capability in capabilities]
    found = dict.fromkeys([word[5:] for word in upper if word.startswith("AUTH=")][:MAX_MECHANISMS])
    if "LOGINDISABLED" not in upper:
        found["LOGIN"] = None
    return tuple(found)
