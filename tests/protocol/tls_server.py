"""A TLS server on memory buffers, by OpenSSL: the other end of the tunnel under test."""

import warnings
from dataclasses import dataclass, field

from OpenSSL import SSL, crypto

from scanner.protocol.tls import TlsTunnel
from tests.protocol.identities import Identity
from tests.protocol.key_update import Keys

VERSIONS = {
    "TLSv1.0": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}
_CHUNK = 65536


@dataclass(slots=True)
class ServerTunnel:
    """The server's end of one connection."""

    connection: SSL.Connection
    is_established: bool = False
    heard_close: bool = False

    def handshake(self) -> bool:
        """Go on with the handshake; an error of OpenSSL is the test's to expect."""
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return False
        self.is_established = True
        return True

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        if data:
            self.connection.bio_write(data)

    def take(self) -> bytes:
        """Return the bytes for the client."""
        parts = bytearray()
        while True:
            try:
                parts += self.connection.bio_read(_CHUNK)
            except SSL.WantReadError:
                return bytes(parts)

    def encrypt(self, text: bytes) -> bytes:
        """Return the records that carry this text."""
        if text:
            self.connection.sendall(text)
        return self.take()

    def hear(self, data: bytes = b"") -> bytes:
        """Return what the client said inside TLS; notes its close_notify."""
        self.feed(data)
        said = bytearray()
        while not self.heard_close:
            try:
                said += self.connection.recv(_CHUNK)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self.heard_close = True
        return bytes(said)

    def close(self) -> bytes:
        """Say close_notify and return its record."""
        self.connection.shutdown()
        return self.take()


@dataclass(slots=True)
class TlsServer:
    """Makes server ends that present one identity; notes the server names that clients ask for."""

    identity: Identity
    lowest: str = "TLSv1.2"
    highest: str = "TLSv1.3"
    ciphers: bytes = b"ALL:@SECLEVEL=0"
    demands_certificate: bool = False
    presented: bytes | None = None
    """The encoding of a leaf to present in place of the identity's own: one that only OpenSSL can read."""
    asked_for: list[bytes | None] = field(default_factory=list)
    context: SSL.Context = field(init=False)

    def __post_init__(self) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_cipher_list(self.ciphers)
        context.set_min_proto_version(VERSIONS[self.lowest])
        context.set_max_proto_version(VERSIONS[self.highest])
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        if self.presented is None:
            context.use_certificate(self.identity.chain[0])
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # cryptography's own type would refuse it
                context.use_certificate(crypto.load_certificate(crypto.FILETYPE_ASN1, self.presented))
        for certificate in self.identity.chain[1:]:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(self.identity.key)
        context.set_tlsext_servername_callback(lambda end: self.asked_for.append(end.get_servername()))
        if self.demands_certificate:
            mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
            context.set_verify(mode, lambda *_: True)
        self.context = context

    def note_keys(self) -> Keys:
        """Return the keys of the connections to come."""
        keys = Keys()
        self.context.set_keylog_callback(lambda _, line: keys.note(line))
        return keys

    def accept(self) -> ServerTunnel:
        """Return a new server end that waits for a ClientHello."""
        connection = SSL.Connection(self.context, None)
        connection.set_accept_state()
        return ServerTunnel(connection)


def connect(tunnel: TlsTunnel, server: ServerTunnel) -> None:
    """Shake hands to the end on both sides."""
    tunnel.handshake()
    for _ in range(4):
        server.feed(tunnel.take_outgoing())
        if not server.is_established:
            server.handshake()
        answer = server.take()
        if tunnel.is_established:
            tunnel.decrypt(answer)
        elif answer:
            tunnel.handshake(answer)
        if tunnel.is_established and server.is_established:
            return
    raise AssertionError("the handshake came to no end")
