"""A session that is taken down as it happens; the ordinary one pays nothing for it."""

from typing import Any

from scanner.protocol.session import Session
from scanner.protocol.transcript import Transcript
from scanner.protocol.tunnel import Tunnel
from scanner.protocol.wants import Interrupted


class RecordedSession(Session):
    """A session whose lines and handshake go into a transcript."""

    def __init__(self, *args: Any, transcript: Transcript, **options: Any) -> None:  # noqa: ANN401 - a session's
        super().__init__(*args, **options)
        self._transcript = transcript
        self._has_told_tls = False

    def begin(self) -> None:
        """Start: the connection stands."""
        self._transcript.note("connected")
        super().begin()

    def _send(self, data: bytes) -> bytes | Interrupted:
        self._transcript.sent(data)
        return super()._send(data)

    def _take_plain(self, data: bytes) -> None:
        self._transcript.received(data)
        super()._take_plain(data)

    def _start_tls(self) -> None:
        self._transcript.note("TLS handshake begins")
        super()._start_tls()

    def _handshake(self, tunnel: Tunnel, data: bytes) -> None:
        if not self._saw_record and not tunnel.takes(data[0]):
            self._transcript.received(data)  # plain text instead of TLS
        super()._handshake(tunnel, data)

    def _drive(self, answer: bytes | Interrupted | None) -> None:
        tls = self.found.tls
        if tls is not None and not self._has_told_tls:
            self._has_told_tls = True
            group = f", {tls.group}" if tls.group else ""
            self._transcript.note(f"TLS stands: {tls.version}, {tls.cipher}{group}")
        super()._drive(answer)
