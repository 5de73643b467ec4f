"""A session joins dialogue, line buffer and TLS tunnel: bytes in, bytes to send and awaited phase out."""

from collections.abc import Callable

from scanner.model import Phase, Protocol, Reason, TlsMode
from scanner.protocol.display import display_start
from scanner.protocol.findings import Findings
from scanner.protocol.imap import imap
from scanner.protocol.lines import LineBuffer, LineTooLongError
from scanner.protocol.pop3 import pop3
from scanner.protocol.smtp import smtp
from scanner.protocol.tls import RECORD_TYPES, HandshakeError, TunnelClosedError
from scanner.protocol.tunnel import Tunnel, TunnelMaker
from scanner.protocol.wants import (
    Dialogue,
    End,
    Failed,
    Interrupted,
    ReadBytes,
    ReadLine,
    ReadReply,
    Send,
    Want,
)

MAX_BYTES = 256 * 1024
"""What one connection may send us in all (bytes, on the wire)."""

DIALOGUES: dict[Protocol, Callable[..., Dialogue]] = {
    Protocol.SMTP: smtp,
    Protocol.IMAP: imap,
    Protocol.POP3: pop3,
}

_TLS_REASONS = {End.TIMEOUT: Reason.TLS_TIMEOUT, End.CLOSED: Reason.TLS_CLOSED, End.RESET: Reason.TLS_CLOSED}
_GREETING_REASONS = {
    End.TIMEOUT: Reason.NO_GREETING,
    End.CLOSED: Reason.CLOSED_BEFORE_GREETING,
    End.RESET: Reason.RESET_BEFORE_GREETING,
}


class Session:
    """One conversation with one server, without I/O.

    `begin`, `receive` and `interrupt` move it on; after each of them `take_outgoing` returns what to
    send, `phase` and `limit` say what is awaited, and `is_done` says that the connection can be closed.
    Times come from `clock` (seconds, monotonic). `peer` names the server itself, where others share its host.
    """

    def __init__(
        self,
        protocol: Protocol,
        tls_mode: TlsMode,
        host: str,
        *,
        ehlo_name: str,
        tls: TunnelMaker,
        clock: Callable[[], float],
        peer: str | None = None,
    ) -> None:
        self.found = Findings()
        self.phase = Phase.GREETING
        self.phase_started = 0.0
        self.limit: float | None = None
        self.bytes_read = 0
        self.is_done = False
        self._is_implicit = tls_mode is TlsMode.IMPLICIT
        self._dialogue = DIALOGUES[protocol](self.found, ehlo_name, implicit=self._is_implicit)
        self._host = host
        self._peer = peer
        self._tls = tls
        self._clock = clock
        self._lines = LineBuffer()
        self._tunnel: Tunnel | None = None
        self._outgoing: list[bytes] = []
        self._want: Want | None = None
        self._heard_in_phase = False
        self._is_phase_broken = False
        self._saw_record = False
        self._heard_inside_tls = False

    def begin(self) -> None:
        """Start: the connection stands."""
        self.phase = Phase.TLS if self._is_implicit else Phase.GREETING
        self.phase_started = self._clock()
        self._drive(None)

    def receive(self, data: bytes) -> None:
        """Take bytes from the network."""
        if self.is_done or not data:
            return
        if self.bytes_read + len(data) > MAX_BYTES:
            self.bytes_read = MAX_BYTES
            self.interrupt(End.TOO_MUCH, f"more than {MAX_BYTES} bytes")
            return
        self.bytes_read += len(data)
        if self._tunnel is None:
            self._take_plain(data)
        elif self._tunnel.is_established:
            self._decrypt(self._tunnel, data)
        else:
            self._handshake(self._tunnel, data)

    def interrupt(self, end: End, detail: str | None = None) -> None:
        """Tell that the connection ended, timed out or broke; the dialogue may still have a last word."""
        if not self.is_done:
            self._drive(Interrupted(end, detail, heard=self._heard_in_phase))

    def take_outgoing(self) -> bytes:
        """Return what has to go to the network now."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        # In clear first: nothing is ever said in clear behind a tunnel that stands.
        return data + self._tunnel.take_outgoing() if self._tunnel is not None else data

    def _drive(self, answer: bytes | Interrupted | None) -> None:
        """Answer the dialogue and serve what it wants next, as far as the bytes at hand allow."""
        while True:
            try:
                if isinstance(answer, Interrupted):
                    self._is_phase_broken = True
                    want = self._dialogue.throw(answer)
                else:
                    want = next(self._dialogue) if answer is None else self._dialogue.send(answer)
            except StopIteration:
                self._finish(is_whole=not isinstance(answer, Interrupted))
                return
            except (Interrupted, Failed) as end:
                self._fail(end)
                return
            if want is not self._want:
                self._take_up(want)
            answer = self._serve(want)
            if answer is None:
                return

    def _take_up(self, want: Want) -> None:
        if want.phase is not self.phase:
            self._end_phase()
            self.phase = want.phase
        self._want = want
        self.limit = want.limit

    def _end_phase(self) -> None:
        now = self._clock()
        if not self._is_phase_broken:
            self.found.phases[self.phase] = now - self.phase_started
        self.phase_started = now
        self._heard_in_phase = False
        self._is_phase_broken = False

    def _serve(self, want: Want) -> bytes | Interrupted | None:
        """Return what the dialogue wants, or None where it has to come from the network first."""
        if isinstance(want, ReadLine):
            return self._take_line()
        if isinstance(want, ReadReply):
            return self._take_line(whole_reply=True)
        if isinstance(want, Send):
            return self._send(want.data)
        if isinstance(want, ReadBytes):
            return self._lines.take(want.count)
        if self._tunnel is None:
            self._start_tls()
        return None

    def _take_line(self, *, whole_reply: bool = False) -> bytes | Interrupted | None:
        if self.phase is Phase.GREETING and len(self._lines):
            end = self._suspect_opening()
            if end is not None:
                return Interrupted(end, "the first bytes are no text", heard=True)
        try:
            return self._lines.take_reply() if whole_reply else self._lines.take_line()
        except LineTooLongError:
            return Interrupted(End.TOO_MUCH, "a line without end", heard=True)

    def _suspect_opening(self) -> End | None:
        """Judge the first bytes of a greeting line: a TLS record, or no text at all."""
        first = self._lines.peek(2)
        if first[0] in RECORD_TYPES and self._tunnel is None:
            if len(first) < 2:
                return None
            return End.TLS_RECORD if first[1] == 3 else End.GARBAGE
        return None if first[:1].isspace() or 0x20 <= first[0] < 0x7F else End.GARBAGE

    def _send(self, data: bytes) -> bytes | Interrupted:
        if self._tunnel is None:
            self._outgoing.append(data)
            return b""
        try:
            self._tunnel.encrypt(data)
        except TunnelClosedError as error:
            return Interrupted(End.CLOSED, str(error), heard=self._heard_in_phase)
        return b""

    def _start_tls(self) -> None:
        # What lies in the buffer now came in clear behind the go-ahead: it is counted, never
        # processed (CVE-2011-0411 and its family).
        self.found.extra_plaintext += len(self._lines.clear())
        self._tunnel = self._tls.tunnel(self._host, self._peer)
        self._tunnel.handshake()
        self._heard_in_phase = False
        self._saw_record = False

    def _take_plain(self, data: bytes) -> None:
        self._heard_in_phase = True
        self._lines.feed(data)
        if self._want is not None and (answer := self._serve(self._want)) is not None:
            self._drive(answer)

    def _handshake(self, tunnel: Tunnel, data: bytes) -> None:
        if not self._saw_record and not tunnel.takes(data[0]):
            self._tunnel = None
            self._lines.feed(data)
            self._drive(
                Interrupted(End.PLAINTEXT, f"plain text instead of TLS: {display_start(data)}", heard=True)
            )
            return
        self._saw_record = self._heard_in_phase = True
        try:
            is_complete = tunnel.handshake(data)
        except HandshakeError as error:
            self._drive(Interrupted(End.TLS_FAILED, str(error), heard=True))
            return
        if is_complete:
            self.found.tls = tunnel.describe()
            self.found.certificate = tunnel.certificate()
            self.found.chain = tunnel.presented()
            self._drive(b"")
            self._decrypt(tunnel, b"")

    def _decrypt(self, tunnel: Tunnel, data: bytes) -> None:
        while not self.is_done:
            try:
                plain = tunnel.decrypt(data)
            except TunnelClosedError as error:
                # TLS 1.3 refuses a client's certificate, or the lack of one, when our side of the handshake
                # is already complete: an alert in place of the first word is still a failed handshake.
                is_refusal = not error.is_orderly and not self._heard_inside_tls
                self.interrupt(End.TLS_FAILED if is_refusal else End.CLOSED, str(error))
                return
            if not plain:
                return
            self._heard_inside_tls = True
            self._take_plain(plain)
            if not tunnel.has_ended:
                return
            data = b""  # once more: text and the end of the tunnel came together

    def _fail(self, end: Interrupted | Failed) -> None:
        if isinstance(end, Failed):
            self.found.fail(end.reason, end.detail)
        else:
            self.found.fail(_reason_of(self.phase, end), end.detail)
        self._finish(is_whole=False)

    def _finish(self, *, is_whole: bool) -> None:
        if is_whole:
            self._end_phase()
        self._want = None
        self.is_done = True
        self._dialogue.close()
        if self._tunnel is not None and self._tunnel.is_established:
            self._tunnel.close()


def _reason_of(phase: Phase, interruption: Interrupted) -> Reason:
    """Translate how and where a conversation broke off into its reason."""
    end = interruption.end
    if end in (End.TOO_MUCH, End.GARBAGE, End.TLS_RECORD):
        return Reason.PROTOCOL_ERROR
    if phase is Phase.TLS or end is End.TLS_FAILED:
        return _TLS_REASONS.get(end, Reason.TLS_HANDSHAKE_FAILED)
    if phase is Phase.GREETING and not interruption.heard:
        return _GREETING_REASONS[end]
    return Reason.READ_TIMEOUT if end is End.TIMEOUT else Reason.CONNECTION_LOST
