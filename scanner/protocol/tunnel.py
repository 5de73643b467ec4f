"""What a session needs of TLS: a tunnel for its one connection, whoever makes it."""

from typing import Protocol

from scanner.model import Certificate, Tls


class Tunnel(Protocol):
    """What a session needs of TLS (`TlsTunnel`), or of a lone hello in its place (`HelloTunnel`)."""

    is_established: bool

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can be read."""

    def takes(self, first: int) -> bool:
        """Tell whether what begins with this byte is for the tunnel."""

    def handshake(self, data: bytes = b"") -> bool:
        """Go on with the handshake; return whether it is complete."""

    def decrypt(self, data: bytes = b"") -> bytes:
        """Return the plain text of what came from the network."""

    def encrypt(self, data: bytes) -> None:
        """Put plain text into the tunnel."""

    def close(self) -> None:
        """Say goodbye."""

    def take_outgoing(self) -> bytes:
        """Return what has to go to the network now."""

    def describe(self) -> Tls:
        """Return the negotiated parameters."""

    def presented(self) -> tuple[bytes, ...]:
        """Return the chain as the server presented it."""

    def certificate(self) -> Certificate | None:
        """Return the leaf certificate."""


class TunnelMaker(Protocol):
    """Makes the tunnel of one connection."""

    def tunnel(self, host: str, peer: str | None = None) -> Tunnel:
        """Return a new tunnel to a host."""
