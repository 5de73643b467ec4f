"""Server-side TLS over memory buffers: a failed handshake still hands out its alert, as real servers do."""

from dataclasses import dataclass
from typing import Final

from OpenSSL import SSL

from scanner.demo.authority import CertificateKind, Identity

_CHUNK = 16_384

# By the names of the observation record; the order is the order of the versions.
VERSIONS: Final = {
    "TLSv1.0": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """Which versions a server takes (lowest and highest, inclusive) and which certificate it shows."""

    lowest: str = "TLSv1.2"
    highest: str = "TLSv1.3"
    certificate: CertificateKind = CertificateKind.GOOD
    ciphers: str = "DEFAULT"

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions between the lowest and the highest."""
        names = list(VERSIONS)
        return tuple(names[names.index(self.lowest) : names.index(self.highest) + 1])


class HandshakeError(Exception):
    """The handshake came to nothing; the text is OpenSSL's reason."""


class TlsEndedError(Exception):
    """The peer closed the TLS session, in order or not."""


def make_context(policy: TlsPolicy, identity: Identity) -> SSL.Context:
    """Build a server context; made once per server and never changed after."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    # Old versions sign with SHA-1 and weak keys are short: both need security level 0.
    is_weak = VERSIONS[policy.lowest] < SSL.TLS1_2_VERSION or policy.certificate is CertificateKind.WEAK_KEY
    context.set_cipher_list(f"{policy.ciphers}:@SECLEVEL={0 if is_weak else 2}".encode())
    context.set_min_proto_version(VERSIONS[policy.lowest])
    context.set_max_proto_version(VERSIONS[policy.highest])
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    leaf, *rest = identity.chain
    context.use_certificate(leaf)
    for certificate in rest:
        context.add_extra_chain_cert(certificate)
    context.use_privatekey(identity.key)
    return context


class Tunnel:
    """The server's end of one TLS session; bytes go in by `feed` and come out by `take`."""

    def __init__(self, context: SSL.Context) -> None:
        """Start a session that waits for a ClientHello."""
        self._connection = SSL.Connection(context, None)
        self._connection.set_accept_state()

    @property
    def version(self) -> str:
        """The negotiated version by OpenSSL's name."""
        return self._connection.get_protocol_version_name()

    def feed(self, data: bytes) -> None:
        """Hand in bytes from the network."""
        self._connection.bio_write(data)

    def take(self) -> bytes:
        """Return all bytes that must go out to the network now."""
        parts = []
        while True:
            try:
                parts.append(self._connection.bio_read(_CHUNK))
            except SSL.WantReadError:
                return b"".join(parts)

    def shake_hands(self) -> bool:
        """Go on with the handshake: True when done, False when more bytes are needed.

        Raises HandshakeError; `take` then still has the alert to send.
        """
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise HandshakeError(_words_of(error)) from None
        return True

    def encrypt(self, data: bytes) -> None:
        """Put application data into the session; `take` has the records. Raises TlsEndedError."""
        try:
            self._connection.sendall(data)
        except SSL.Error as error:
            raise TlsEndedError(_words_of(error)) from None

    def decrypt(self) -> bytes:
        """Return the application data that has arrived, b"" when there is none; raises TlsEndedError."""
        parts = []
        while True:
            try:
                parts.append(self._connection.recv(_CHUNK))
            except SSL.WantReadError:
                return b"".join(parts)
            except SSL.Error as error:
                if parts:
                    return b"".join(parts)
                raise TlsEndedError(_words_of(error)) from None

    def close(self) -> None:
        """Say close_notify; `take` has the record."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            # A session that never stood, or was broken by the peer, has nothing to close.
            return


def _words_of(error: SSL.Error) -> str:
    queue = error.args[0] if error.args else ()
    return str(queue[0][-1]) if queue and isinstance(queue, list) else type(error).__name__
