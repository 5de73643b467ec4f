"""Chooses the key shares of a ClientHello: the costly one only for a server that may take it (RFC 8446)."""

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from scanner.protocol.memory import Memory

PEERS = 65536
"""Servers remembered."""
ASKED_ANEW = 16
"""A server that takes no hybrid group is still sent a hybrid share at every so many-th connection."""

# The groups that OpenSSL offers by itself, in its order, the one difference being the share: `*` marks it.
_ONE_SHARE = (
    b"?X25519MLKEM768:?SecP256r1MLKEM768:?curveSM2MLKEM768 / ?*X25519:?secp256r1"
    b" / ?X448:?secp384r1:?secp521r1:?curveSM2 / ?ffdhe2048:?ffdhe3072"
)
_HYBRID = "MLKEM"


class KeyShares:
    """Remembers of each server whether it took a hybrid group (X25519MLKEM768).

    The groups offered are the same always. What differs is whether the hello already carries a share of the
    hybrid, whose key takes longer to make than all the rest of it; without one a server that wants the hybrid
    asks for it (HelloRetryRequest). So that one which takes it, but does not ask, is not missed for good, the
    share is sent again from time to time.
    """

    def __init__(self) -> None:
        self._light: Memory[str, int] = Memory(PEERS)

    def choose(self, connection: SSL.Connection, peer: str) -> None:
        """Set the shares for a connection to a server, before its handshake."""
        left = self._light.recall(peer)
        if left is None:
            return
        if left > 0 and _send_one_share(connection):
            self._light.keep(peer, left - 1)
        else:
            self._light.forget(peer)

    def learn(self, peer: str, group: str | None) -> None:
        """Take note of the group that a server agreed to."""
        if group is not None and _HYBRID in group:
            self._light.forget(peer)
        elif self._light.recall(peer) is None:
            self._light.keep(peer, ASKED_ANEW - 1)


def _send_one_share(connection: SSL.Connection) -> bool:
    """Offer all groups with a share of X25519 alone; return whether OpenSSL could.

    pyOpenSSL has no call for it. Where its binding has none either, or OpenSSL is older than these words
    (before 3.5), everything stays as it is.
    """
    library = Binding.lib  # what pyOpenSSL itself calls
    set_groups = getattr(library, "SSL_set1_curves_list", None)
    if set_groups is None:
        return False
    is_set: bool = set_groups(connection._ssl, _ONE_SHARE) == 1  # noqa: SLF001 - there is no other way
    if not is_set:
        library.ERR_clear_error()
    return is_set
