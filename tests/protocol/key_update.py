"""Makes TLS 1.3 KeyUpdate records by hand (RFC 8446 sections 4.6.3, 5.2, 7.2); OpenSSL's binding cannot."""

from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_HANDSHAKE, _APPLICATION_DATA = 22, 23
_KEY_UPDATE = 24

Seal = Callable[[bytes], bytes]


class Keys:
    """The server's keys as its context logs them; a KeyUpdate moves them on."""

    def __init__(self) -> None:
        self._secret = b""
        self._count = 0

    def note(self, line: bytes) -> None:
        """Take a line of the key log."""
        label, _, secret = line.split()
        if label == b"SERVER_TRAFFIC_SECRET_0":
            self._secret, self._count = bytes.fromhex(secret.decode()), 0

    def skip(self, records: bytes) -> None:
        """Count the records that the server itself has sent with these keys."""
        while records:
            self._count += 1
            records = records[5 + int.from_bytes(records[3:5], "big") :]

    def seal(self, kind: int, data: bytes) -> bytes:
        """Return one record (TLS_AES_256_GCM_SHA384)."""
        nonce = int.from_bytes(self._derive(b"iv", 12), "big") ^ self._count
        self._count += 1
        header = bytes((_APPLICATION_DATA, 3, 3)) + (len(data) + 17).to_bytes(2, "big")
        key = AESGCM(self._derive(b"key", 32))
        return header + key.encrypt(nonce.to_bytes(12, "big"), data + bytes((kind,)), header)

    def move_on(self) -> None:
        """Take up the next keys."""
        self._secret, self._count = self._derive(b"traffic upd", 48), 0

    def _derive(self, label: bytes, length: int) -> bytes:
        info = length.to_bytes(2, "big") + bytes((6 + len(label),)) + b"tls13 " + label + b"\0"
        return HKDFExpand(SHA384(), length, info).derive(self._secret)


def update_keys(keys: Keys, sent: bytes, *, is_requested: bool) -> tuple[bytes, Seal]:
    """Return a KeyUpdate record, and what seals text with the new keys.

    `sent` are the server's records since its Finished; `is_requested` asks the client for new keys too.
    """
    keys.skip(sent)
    record = keys.seal(_HANDSHAKE, bytes((_KEY_UPDATE, 0, 0, 1, int(is_requested))))
    keys.move_on()
    return record, lambda text: keys.seal(_APPLICATION_DATA, text)
