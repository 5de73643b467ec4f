"""Verifies presented chains: what OpenSSL finds wrong is noted, what it found flawless is known again."""

import hashlib
import time
from collections.abc import Callable
from typing import TypeAlias

from OpenSSL import SSL, crypto

from scanner.protocol.channel import presented_to
from scanner.protocol.dates import first_moment, last_moment
from scanner.protocol.evidence import Evidence, VerifyError
from scanner.protocol.memory import Memory
from scanner.protocol.unreadable import UNREADABLE_DER

KNOWN_CHAINS = 65536
"""Flawless chains remembered, at about 200 bytes each."""

_UNSPECIFIED = 1  # X509_V_ERR_UNSPECIFIED

Window: TypeAlias = tuple[float, float]
"""From when to when every certificate of a chain holds (seconds since 1970)."""


class Chains:
    """The chains that one client has verified and found flawless, each as long as its certificates hold.

    The same bytes against the same CAs have the same signatures, so they are not computed again. A chain with
    any fault is never remembered: it is looked at whole each time.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._windows: Memory[bytes, Window] = Memory(KNOWN_CHAINS)

    def knows(self, digest: bytes) -> bool:
        """Whether that chain was flawless and none of its certificates has run out since."""
        window = self._windows.recall(digest)
        return window is not None and window[0] <= self._clock() <= window[1]

    def keep(self, digest: bytes, connection: SSL.Connection) -> None:
        """Remember the chain that a connection has just verified."""
        try:
            verified = connection.get_verified_chain(as_cryptography=True) or []
            first = [first_moment(certificate).timestamp() for certificate in verified]
            last = [last_moment(certificate).timestamp() for certificate in verified]
        except UNREADABLE_DER:
            return  # dates that only OpenSSL can read
        if verified:
            self._windows.keep(digest, (max(first), min(last)))


class Verification:
    """What is found while OpenSSL verifies the chain of one connection; it goes on after every error."""

    __slots__ = ("_chains", "_errors", "_is_known", "_is_whole", "digest", "presented", "staple")

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self._errors: list[VerifyError] = []
        self._is_known = False
        self._is_whole = False
        self.presented: tuple[bytes, ...] = ()
        """The chain as it was presented, each certificate in DER form, the leaf first; see `read`."""
        self.digest = b""
        """SHA-256 of the presented chain."""
        self.staple = b""
        """The OCSP response that came along, if any."""

    def report(self, connection: SSL.Connection, number: int, depth: int, ok: int) -> bool:
        """Take one report of OpenSSL's; return whether it need go on (a known chain was checked before)."""
        if not ok:
            self._errors.append(VerifyError(number, depth))
            return True
        # The first good report is of the root, when the chain is built and no signature yet computed.
        if not self._errors and not self.presented:
            self.read(connection)
            if self._chains.knows(self.digest):
                self._is_known = True
                return False
        if depth == 0:
            self._is_whole = True
        return True

    def read(self, connection: SSL.Connection) -> None:
        """Read the presented chain, once."""
        if not self.presented:
            self.presented = presented_to(connection)
            # One certificate's end shows in itself, so no two chains run together to the same bytes.
            self.digest = hashlib.sha256(b"".join(self.presented)).digest()

    def finish(self, connection: SSL.Connection) -> tuple[VerifyError, ...]:
        """Return the errors of the chain, now that the handshake is complete, and remember a flawless one."""
        self.read(connection)
        if self._is_known:
            return ()
        if not self._is_whole:
            # OpenSSL gave up before it came to the leaf: silence is not trust.
            return (*self._errors, VerifyError(_UNSPECIFIED, 0))
        if not self._errors:
            self._chains.keep(self.digest, connection)
        return tuple(self._errors)

    def evidence(self, connection: SSL.Connection, errors: tuple[VerifyError, ...]) -> Evidence:
        """Return all that the handshake left to judge the chain by."""
        path = connection.get_verified_chain() or ()
        return Evidence(
            presented=self.presented,
            path=tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in path),
            errors=errors,
            staple=self.staple,
        )
