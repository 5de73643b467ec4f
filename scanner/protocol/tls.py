"""The TLS tunnel: OpenSSL on memory buffers, a handshake as bytes in and bytes out (RFC 8446, RFC 5246)."""

import ipaddress
from pathlib import Path

from OpenSSL import SSL, crypto

from scanner.model import Certificate, Tls
from scanner.protocol.certificate import VerifyError, describe

# Everything that authenticates the server, down to TLS 1.0 and its suites: the probe measures, it does
# not protect a secret. Anonymous suites are left out: they would hide the certificate.
_CIPHERS = b"ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"
_READ_SIZE = 65536


class HandshakeError(Exception):
    """The handshake failed; the text is OpenSSL's reason (an alert's name where the peer sent one)."""


class TunnelClosedError(Exception):
    """The peer closed the tunnel (close_notify) or broke it."""


class TlsClient:
    """Makes tunnels from one context, which is built once and never changed after.

    Verification errors are recorded and the handshake goes on, so that one handshake gives both
    the evidence and the judgement.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """

    def __init__(self, ca_file: Path | None = None) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_options(SSL.OP_LEGACY_SERVER_CONNECT | SSL.OP_IGNORE_UNEXPECTED_EOF | SSL.OP_NO_TICKET)
        context.set_cipher_list(_CIPHERS)
        context.set_verify(SSL.VERIFY_PEER, _record_verification)
        if ca_file is None:
            context.set_default_verify_paths()
        else:
            try:
                context.load_verify_locations(str(ca_file))
            except SSL.Error as error:
                raise ValueError(f"{ca_file}: no usable CA certificates in PEM form") from error
        self._context = context

    def tunnel(self, host: str) -> "TlsTunnel":
        """Return a new tunnel to `host`, whose name is sent as SNI unless it is an address (RFC 6066)."""
        return TlsTunnel(SSL.Connection(self._context, None), host)


def _record_verification(
    connection: SSL.Connection, _certificate: crypto.X509, number: int, depth: int, ok: int
) -> bool:
    if not ok:
        connection.get_app_data().append(VerifyError(number, depth))
    return True


class TlsTunnel:
    """One TLS connection: feed it what came from the network, send what `take_outgoing` returns."""

    __slots__ = ("_connection", "_errors", "_host", "is_established")

    def __init__(self, connection: SSL.Connection, host: str) -> None:
        self._connection = connection
        self._host = host
        self._errors: list[VerifyError] = []
        self.is_established = False
        connection.set_app_data(self._errors)
        connection.set_connect_state()
        if not _is_address(host):
            connection.set_tlsext_host_name(host.encode("ascii"))

    def handshake(self, data: bytes = b"") -> bool:
        """Go on with the handshake; return whether it is complete.

        Raises:
            HandshakeError: OpenSSL or the peer ended it.
        """
        if data:
            self._connection.bio_write(data)
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise HandshakeError(_reason_of(error)) from None
        self.is_established = True
        return True

    def decrypt(self, data: bytes = b"") -> bytes:
        """Return the plain text of what came from the network.

        Raises:
            TunnelClosedError: the peer closed or broke the tunnel and nothing is left to read.
        """
        if data:
            self._connection.bio_write(data)
        plain = b""
        while True:
            try:
                plain += self._connection.recv(_READ_SIZE)
            except SSL.WantReadError:
                return plain
            except SSL.Error as error:
                if plain:
                    return plain
                raise TunnelClosedError(_reason_of(error)) from None

    def encrypt(self, data: bytes) -> None:
        """Put plain text into the tunnel."""
        self._connection.sendall(data)

    def close(self) -> None:
        """Say close_notify."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return  # a broken tunnel cannot be closed in good order

    def take_outgoing(self) -> bytes:
        """Return what has to go to the network now."""
        try:
            return self._connection.bio_read(_READ_SIZE)
        except SSL.WantReadError:
            return b""

    def describe(self) -> Tls:
        """Return the negotiated parameters, by OpenSSL's names."""
        connection = self._connection
        version = connection.get_protocol_version_name()
        return Tls(
            version={"TLSv1": "TLSv1.0"}.get(version, version),
            cipher=connection.get_cipher_name() or "",
            group=connection.get_group_name(),
        )

    def certificate(self) -> Certificate | None:
        """Return the leaf certificate with every problem found, or None where it cannot be read."""
        chain = self._connection.get_peer_cert_chain() or ()
        if not chain:
            return None
        try:
            return describe(chain[0].to_cryptography(), self._host, self._errors, len(chain))
        except ValueError:
            return None  # a certificate that OpenSSL accepts and a strict parser does not


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reason_of(error: SSL.Error) -> str:
    """Return OpenSSL's own words for an error, alerts included."""
    if error.args and isinstance(error.args[0], list) and error.args[0]:
        return str(error.args[0][-1][2] or "unknown TLS error")
    return "the peer closed the connection"
