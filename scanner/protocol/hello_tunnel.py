"""A tunnel that sends one raw ClientHello, reads its answer and goes no further; a session can hold it."""

from typing import NoReturn

from scanner.model import Certificate, Reason, Tls
from scanner.protocol.client_hello import NUMBERS
from scanner.protocol.findings import Findings
from scanner.protocol.server_hello import Answer, AnswerReader, ServerHello
from scanner.protocol.tls import HandshakeError, TunnelClosedError
from scanner.protocol.wants import End

_CLOSE_NOTIFY = b"\x00\x02\x01\x00"
"""The alert behind its length. With user_canceled before it, OpenSSL 4 takes it for a lost connection."""


class HelloTunnel:
    """The tunnel of one hello: it is never established, and its answer ends the session."""

    __slots__ = ("_outgoing", "_reader", "answer", "is_established")

    def __init__(self, hello: bytes) -> None:
        self.answer: Answer | None = None
        self.is_established = False
        self._outgoing = hello
        self._reader = AnswerReader()

    def takes(self, first: int) -> bool:
        """Tell whether what begins with this byte is for the tunnel: all is, SSLv2 and plain text too."""
        return True

    def handshake(self, data: bytes = b"") -> bool:
        """Take bytes of the answer; return False, for it is not complete.

        Raises:
            HandshakeError: the answer is complete, and with it the handshake over; see `answer`.
        """
        if self.answer is None:
            self.answer = self._reader.feed(data)
            if self.answer is None:
                return False
            self._outgoing += _take_leave(self.answer)
        raise HandshakeError("a hello was all there was to say")

    def end(self, end: End) -> Answer:
        """Return the answer, now that no more comes."""
        if self.answer is None:
            self.answer = self._reader.end(end)
        return self.answer

    def take_outgoing(self) -> bytes:
        """Return what has to go to the network now."""
        data, self._outgoing = self._outgoing, b""
        return data

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can be read: always."""
        return True

    def close(self) -> None:
        """Do nothing: leave is taken with the answer."""

    def encrypt(self, data: bytes) -> None:
        """Refuse: there are no keys.

        Raises:
            TunnelClosedError: always.
        """
        _refuse()

    def decrypt(self, data: bytes = b"") -> bytes:
        """Refuse, as `encrypt`."""
        _refuse()

    def describe(self) -> Tls:
        """Refuse, as `encrypt`: nothing was agreed on."""
        _refuse()

    def presented(self) -> tuple[bytes, ...]:
        """Return the chain as presented: none was waited for."""
        return ()

    def certificate(self) -> Certificate | None:
        """Return the leaf certificate: none was waited for."""
        return None


class HelloClient:
    """Takes the place of the TLS client in a session that is to ask one hello; for one session each."""

    def __init__(self, hello: bytes) -> None:
        self._hello = hello
        self._tunnel: HelloTunnel | None = None

    def tunnel(self, host: str, peer: str | None = None) -> HelloTunnel:
        """Return the tunnel; the hello already carries the name that the server is to see."""
        self._tunnel = HelloTunnel(self._hello)
        return self._tunnel

    def conclude(self, found: Findings) -> Answer | None:
        """Return the answer, once the session is over; None where the hello was never sent or we failed.

        A connection that ended before an answer is one too: `found` says how it ended.
        """
        if self._tunnel is None:
            return None
        if self._tunnel.answer is not None or found.reason is Reason.TLS_TIMEOUT:
            return self._tunnel.end(End.TIMEOUT)
        if found.reason is Reason.TLS_CLOSED:
            # A reset comes with the system's words for it, an orderly end without any.
            return self._tunnel.end(End.CLOSED if found.detail is None else End.RESET)
        return None


def _take_leave(answer: Answer) -> bytes:
    """Return the alert that lets a server end in good order (RFC 8446 section 6.1); one that refused has."""
    if not isinstance(answer, ServerHello):
        return b""
    return b"\x15" + min(NUMBERS[answer.version], NUMBERS["TLSv1.2"]).to_bytes(2, "big") + _CLOSE_NOTIFY


def _refuse() -> NoReturn:
    raise TunnelClosedError("a hello alone opens no tunnel", is_orderly=False)
