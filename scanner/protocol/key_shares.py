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
_USUAL = "x25519"
_OTHERS = ("secp256r1", "secp384r1", "secp521r1")
_WITH_SHARES = "TLSv1.3"


class KeyShares:
    """Remembers of each server which group it took: a hybrid one (X25519MLKEM768), or which of the others.

    The groups offered are the same always, in the same order. What differs is the share that the hello
    already carries. That of the hybrid takes longer to make than all the rest of the hello; without one a
    server that wants the hybrid asks for it (HelloRetryRequest), as any server does whose group has no share.
    A share leads none away from what it chose before. So that a server which would choose another group by
    now, but does not ask, is not missed for good, the hello of a first meeting is sent again now and then.
    """

    def __init__(self) -> None:
        self._light: Memory[str, tuple[int, str]] = Memory(PEERS)
        """How many more hellos with one share go to a server, and the group of that share."""

    def choose(self, connection: SSL.Connection, peer: str) -> None:
        """Set the shares for a connection to a server, before its handshake."""
        known = self._light.recall(peer)
        if known is None:
            return
        left, group = known
        if left == 0:
            self._light.keep(peer, (ASKED_ANEW - 1, group))
        elif _send_one_share(connection, group):
            self._light.keep(peer, (left - 1, group))
        else:
            self._light.forget(peer)

    def learn(self, peer: str, group: str | None, version: str = "") -> None:
        """Take note of the group that a server agreed to, and of the version (OpenSSL's names)."""
        if group is not None and _HYBRID in group:
            self._light.forget(peer)
            return
        # Before TLS 1.3 no share is looked at: the cheapest will do.
        share = group if version == _WITH_SHARES and group in _OTHERS else _USUAL
        known = self._light.recall(peer)
        if known is None or known[1] != share:
            self._light.keep(peer, (ASKED_ANEW - 1, share))


def _send_one_share(connection: SSL.Connection, group: str) -> bool:
    """Offer all groups with a share of one alone; return whether OpenSSL could.

    pyOpenSSL has no call for it. Where its binding has none either, or OpenSSL is older than these words
    (before 3.5), everything stays as it is.
    """
    library = Binding.lib  # what pyOpenSSL itself calls
    set_groups = getattr(library, "SSL_set1_curves_list", None)
    if set_groups is None:
        return False
    words = _ONE_SHARE
    if group != _USUAL:
        words = words.replace(b"*", b"").replace(b"?%b" % group.encode(), b"?*%b" % group.encode())
    is_set: bool = set_groups(connection._ssl, words) == 1  # noqa: SLF001 - there is no other way
    if not is_set:
        library.ERR_clear_error()
    return is_set
