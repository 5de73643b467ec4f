"""The TLS tunnel: OpenSSL on memory buffers, a handshake as bytes in and bytes out (RFC 8446, RFC 5246)."""

import hashlib
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias
from weakref import WeakValueDictionary

from OpenSSL import SSL, crypto

from scanner.model import Certificate, Tls
from scanner.protocol.certificate import CACHED, describe_presented
from scanner.protocol.channel import Channel, Workspace
from scanner.protocol.evidence import MOST_INTERMEDIATES, Expected, VerifyError
from scanner.protocol.key_shares import KeyShares
from scanner.protocol.memory import Memory
from scanner.protocol.staple import is_as_fresh
from scanner.protocol.verification import Chains, Verification

# Everything that authenticates the server, down to TLS 1.0 and its suites: the probe measures, it does
# not protect a secret. Anonymous suites are left out: they would hide the certificate.
_CIPHERS = b"ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"

Question: TypeAlias = tuple[bytes, bytes, Expected, tuple[VerifyError, ...]]
"""What a described certificate depends on: digests of chain and staple, the names expected, the errors."""


RECORD_TYPES = (20, 21, 22, 23)
"""The first byte of all that TLS sends (RFC 8446 section 5.1)."""


class HandshakeError(Exception):
    """The handshake failed; the text is OpenSSL's reason (an alert's name where the peer sent one)."""


class TunnelClosedError(Exception):
    """The peer closed the tunnel (close_notify) or broke it; then the text is OpenSSL's reason."""

    def __init__(self, text: str, *, is_orderly: bool) -> None:
        super().__init__(text)
        self.is_orderly = is_orderly
        """Whether the peer said close_notify."""


class TlsClient:
    """Makes tunnels from one context, which is built once and never changed after.

    Verification errors are recorded and the handshake goes on, so that one handshake gives both
    the evidence and the judgement.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """

    def __init__(self, ca_file: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_options(SSL.OP_LEGACY_SERVER_CONNECT | SSL.OP_IGNORE_UNEXPECTED_EOF | SSL.OP_NO_TICKET)
        # A server that asks for a new handshake is told no (RFC 5246 section 7.2.2): writing goes on.
        context.set_options(SSL.OP_NO_RENEGOTIATION)
        context.set_cipher_list(_CIPHERS)
        # Not VERIFY_PEER: a verification that is cut short must not end the handshake.
        context.set_verify(SSL.VERIFY_NONE, _report)
        context.set_verify_depth(MOST_INTERMEDIATES)
        if ca_file is None:
            context.set_default_verify_paths()
        else:
            try:
                context.load_verify_locations(str(ca_file))
            except SSL.Error as error:
                raise ValueError(f"{ca_file}: no usable CA certificates in PEM form") from error
        self._context = context
        self._workspace = Workspace()
        self.clock = clock
        # What was learnt of servers already met; the next probe mostly meets the same again.
        self.chains = Chains(clock)
        self.key_shares = KeyShares()
        self.described = Memory[Question, Certificate](CACHED)
        # Those that somebody else still holds, as a watch does of each endpoint, cost no room here.
        self.in_use = WeakValueDictionary[Question, Certificate]()

    def tunnel(self, host: str, peer: str | None = None, domains: tuple[str, ...] = ()) -> "TlsTunnel":
        """Return a new tunnel to `host`, whose name is sent as SNI unless it is an address (RFC 6066).

        `peer` is what the server is remembered by (default: the host): several may share one host. `domains`
        are the mail domains that the certificate may name in the host's place (RFC 6186 section 6).
        """
        channel = Channel(SSL.Connection(self._context, None), self._workspace)
        return TlsTunnel(self, channel, Expected(host, domains), peer or host)


@dataclass(frozen=True, slots=True)
class DomainClient:
    """Makes tunnels whose certificate may name these mail domains in place of the host (RFC 6186)."""

    client: TlsClient
    domains: tuple[str, ...]

    def tunnel(self, host: str, peer: str | None = None) -> "TlsTunnel":
        """Return a new tunnel to `host`; see `TlsClient.tunnel`."""
        return self.client.tunnel(host, peer, self.domains)


def _report(connection: SSL.Connection, _certificate: crypto.X509, number: int, depth: int, ok: int) -> bool:
    verification: Verification = connection.get_app_data()
    return verification.report(connection, number, depth, ok)


class TlsTunnel:
    """One TLS connection: feed it what came from the network, send what `take_outgoing` returns."""

    __slots__ = (
        "_channel",
        "_client",
        "_connection",
        "_end",
        "_expected",
        "_group",
        "_peer",
        "_verification",
        "_version",
        "is_established",
    )

    def __init__(self, client: TlsClient, channel: Channel, expected: Expected, peer: str) -> None:
        self._client = client
        self._channel = channel
        self._expected = expected
        self._peer = peer
        self._verification = Verification(client.chains)
        self._end: TunnelClosedError | None = None
        self._group: str | None = None
        self._version = ""
        self.is_established = False
        self._connection = connection = channel.connection
        connection.set_app_data(self._verification)
        connection.set_connect_state()
        client.key_shares.choose(connection, peer)
        connection.request_ocsp()
        if not _is_address(expected.host):
            connection.set_tlsext_host_name(expected.host.encode("ascii"))

    def takes(self, first: int) -> bool:
        """Tell whether what begins with this byte can be TLS."""
        return first in RECORD_TYPES

    def handshake(self, data: bytes = b"") -> bool:
        """Go on with the handshake; return whether it is complete.

        Raises:
            HandshakeError: OpenSSL or the peer ended it.
        """
        self._channel.put(data)
        try:
            if not self._channel.handshake():
                return False
        except SSL.Error as error:
            raise HandshakeError(_reason_of(error)) from None
        self.is_established = True
        connection = self._connection
        self._group = connection.get_group_name()
        self._version = connection.get_protocol_version_name()
        self._client.key_shares.learn(self._peer, self._group, self._version)
        return True

    @property
    def has_ended(self) -> bool:
        """Whether the peer has closed or broken the tunnel, as the next `decrypt` will tell."""
        return self._end is not None

    def decrypt(self, data: bytes = b"") -> bytes:
        """Return the plain text of what came from the network; b"" for "more bytes please".

        Raises:
            TunnelClosedError: the peer closed or broke the tunnel and nothing is left to read.
        """
        if self._end is not None:
            raise self._end
        self._channel.put(data)
        plain = b""
        try:
            while text := self._channel.read():
                plain += text
        except SSL.Error as error:
            # OpenSSL tells its reason only once, and there may be text to hand out first.
            self._end = TunnelClosedError(
                _reason_of(error), is_orderly=isinstance(error, SSL.ZeroReturnError)
            )
            if not plain:
                raise self._end from None
        return plain

    def encrypt(self, data: bytes) -> None:
        """Put plain text into the tunnel.

        Raises:
            TunnelClosedError: the tunnel is broken.
        """
        try:
            self._channel.write(data)
        except SSL.Error as error:
            raise self._end or TunnelClosedError(_reason_of(error), is_orderly=False) from None

    def close(self) -> None:
        """Say close_notify."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return  # a broken tunnel cannot be closed in good order

    def take_outgoing(self) -> bytes:
        """Return what has to go to the network now."""
        return self._channel.take()

    def describe(self) -> Tls:
        """Return the negotiated parameters, by OpenSSL's names."""
        return Tls(
            version={"TLSv1": "TLSv1.0"}.get(self._version, self._version),
            cipher=self._connection.get_cipher_name() or "",
            group=self._group,
        )

    def presented(self) -> tuple[bytes, ...]:
        """Return the chain as the server presented it, each certificate in DER form, the leaf first."""
        self._verification.read(self._connection)
        return self._verification.presented

    def certificate(self) -> Certificate | None:
        """Return the leaf certificate with every problem found, or None where it cannot be read."""
        verification = self._verification
        errors = verification.finish(self._connection)
        staple = verification.staple = self._channel.staple()
        # Of no staple there is no digest to take, which is what most servers send.
        staple_digest = hashlib.sha256(staple).digest() if staple else b""
        question = (verification.digest, staple_digest, self._expected, errors)
        now = self._client.clock()
        found = self._client.described.recall(question) or self._client.in_use.get(question)
        if found is None or not is_as_fresh(found.ocsp, now):
            evidence = verification.evidence(self._connection, errors)
            found = describe_presented(evidence, self._expected, datetime.fromtimestamp(now, UTC))
            if found is not None:
                self._client.described.keep(question, found)
                self._client.in_use[question] = found
        return found


def _is_address(host: str) -> bool:
    # One ends in a digit or holds a colon: most hosts need no closer look.
    if not host[-1:].isdigit() and ":" not in host:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reason_of(error: SSL.Error) -> str:
    """Return OpenSSL's own words for an error, alerts included."""
    if error.args and isinstance(error.args[0], list) and error.args[0]:
        # The cause comes first, then what it led to.
        return "; ".join(text for _, _, text in error.args[0] if text) or "unknown TLS error"
    return "the peer closed the connection"
