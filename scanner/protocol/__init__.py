"""Room 1: the mail dialogues, the TLS tunnel and the session that joins them; bytes in, bytes out, no I/O."""

from scanner.protocol.findings import Findings
from scanner.protocol.session import MAX_BYTES, Session
from scanner.protocol.tls import TlsClient
from scanner.protocol.wants import End

__all__ = ["MAX_BYTES", "End", "Findings", "Session", "TlsClient"]
