"""Plays the server of a transcript against a session, in three ways, and writes down what was found."""

from collections.abc import Callable, Iterator
from itertools import count

from scanner.protocol import End, Findings, Session, TlsClient
from tests.protocol.tls_server import ServerTunnel, TlsServer
from tests.protocol.transcript import CloseNotify, Ends, Expect, Say, Step, Tls, Transcript

EHLO_NAME = "probe.example.net"
FORBIDDEN = frozenset(
    b"AUTH MAIL RCPT DATA VRFY EXPN USER PASS APOP LOGIN AUTHENTICATE SELECT RETR LIST DELE".split()
)
MAX_INTERRUPTS = 4
"""How often a session may be interrupted before it must be done."""


def fake_clock() -> Callable[[], float]:
    """Return a clock that advances a little whenever it is read."""
    ticks: Iterator[int] = count(1)
    return lambda: next(ticks) / 1000


def make_session(transcript: Transcript, tls: TlsClient) -> Session:
    """Return the session that the transcript is about."""
    return Session(
        transcript.protocol,
        transcript.mode,
        transcript.host,
        ehlo_name=EHLO_NAME,
        tls=tls,
        clock=fake_clock(),
    )


class Player:
    """Plays one transcript.

    `whole`: what the server says between two turns of the client comes in one piece. `bytes`: every byte
    comes alone. `trailing`: all that the server will say until TLS begins, or to the end, is there at once.
    """

    def __init__(self, transcript: Transcript, session: Session, server: TlsServer, replay: str) -> None:
        self.session = session
        self.client_lines: list[bytes] = []
        self._steps = list(transcript.script)
        self._server = server
        self._tunnel: ServerTunnel | None = None
        self._is_by_byte = replay == "bytes"
        self._is_trailing = replay == "trailing"
        self._said = bytearray()

    def play(self) -> None:
        """Play to the end; raise AssertionError where the client says anything else than the script."""
        self.session.begin()
        self._listen()
        while self._steps:
            self._take(self._steps.pop(0))
        assert self.session.is_done, f"the session still waits in phase {self.session.phase}"
        assert not self._said, f"the client said more: {bytes(self._said)!r}"
        if self._tunnel is not None:
            assert self._tunnel.heard_close, "the client left the tunnel without close_notify"

    def _take(self, step: Step) -> None:
        if isinstance(step, Say):
            self._deliver(self._gather(step))
        elif isinstance(step, Expect):
            assert self._said.startswith(step.line), f"expected {step.line!r}, got {bytes(self._said)!r}"
            assert self._is_trailing or self._said == step.line, f"more than {step.line!r}: {self._said!r}"
            self.client_lines.append(step.line)
            del self._said[: len(step.line)]
        elif isinstance(step, CloseNotify):
            assert self._tunnel is not None
            self._feed(self._tunnel.close())
        elif isinstance(step, Ends):
            self._end(step.end)
        else:
            assert self._said[:2] == b"\x16\x03", f"no ClientHello: {bytes(self._said)!r}"
            hello = bytes(self._said)
            self._said.clear()
            if isinstance(step, Tls):
                self._shake_hands(hello)

    def _gather(self, first: Say) -> bytes:
        """Return what comes in one piece: up to the client's turn, or up to the next turn of events."""
        data = first.data
        later: list[Step] = []
        while self._steps and isinstance(self._steps[0], (Say, Expect) if self._is_trailing else Say):
            step = self._steps.pop(0)
            if isinstance(step, Say):
                data += step.data
            else:
                later.append(step)
        self._steps[:0] = later
        return data

    def _deliver(self, data: bytes) -> None:
        self._feed(data if self._tunnel is None else self._tunnel.encrypt(data))

    def _feed(self, data: bytes) -> None:
        for piece in (data[i : i + 1] for i in range(len(data))) if self._is_by_byte else (data,):
            self.session.receive(piece)
            self._listen()

    def _listen(self) -> None:
        outgoing = self.session.take_outgoing()
        if self._tunnel is None:
            self._said += outgoing
        elif self._tunnel.is_established:
            self._said += self._tunnel.hear(outgoing)
        else:
            self._tunnel.feed(outgoing)

    def _shake_hands(self, hello: bytes) -> None:
        tunnel = self._tunnel = self._server.accept()
        tunnel.feed(hello)
        for _ in range(4):
            is_complete = tunnel.handshake()
            self._feed(tunnel.take())
            if is_complete:
                break
        assert tunnel.is_established, "the handshake came to no end"
        assert self.session.found.tls is not None
        self._said += tunnel.hear()

    def _end(self, end: End) -> None:
        """Interrupt once for a timeout; for a lost connection as often as it takes, as a transport does."""
        for _ in range(1 if end is End.TIMEOUT else MAX_INTERRUPTS):
            self.session.interrupt(end)
            if self.session.is_done:
                break
        self._listen()


def is_forbidden(line: bytes) -> bool:
    """Whether a client's line signs in, sends mail or asks for users."""
    words = line.upper().split()
    return bool(FORBIDDEN & set(words[:2]))


def as_text(found: Findings) -> dict[str, str]:
    """Write down what was found, in the words of a transcript's header."""
    facts = {
        "reason": found.reason,
        "detail": found.detail,
        "banner": found.banner,
        "capabilities": _listed(found.capabilities, " | "),
        "auth_before": _listed(found.auth_before_tls, " "),
        "starttls": {None: None, True: "offered", False: "not offered"}[found.starttls_offered],
        "reply": found.starttls_reply,
        "masked": "yes" if found.starttls_masked else None,
        "extra": str(found.extra_plaintext) if found.extra_plaintext else None,
        "preauth": "yes" if found.preauth else None,
        "ehlo_reply": found.ehlo_reply,
        "tls": found.tls.version if found.tls else None,
        "problems": _listed(found.certificate.problems, " ") if found.certificate else None,
        "capabilities_tls": _listed(found.capabilities_tls, " | "),
        "auth_after": _listed(found.auth_after_tls, " "),
        "phases": _listed(tuple(found.phases), " "),
    }
    return {key: str(value) for key, value in facts.items() if value is not None}


def _listed(items: tuple[str, ...] | None, between: str) -> str | None:
    return None if items is None else between.join(items) or "-"
