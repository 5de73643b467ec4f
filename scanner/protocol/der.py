"""Cuts the public key out of a certificate byte for byte (RFC 5280 section 4.1), as digests of it need."""

_SEQUENCE = 0x30
_VERSION = 0xA0
_FIELDS_BEFORE_THE_KEY = 5
"""Serial number, signature algorithm, issuer, validity, subject; the version before them is optional."""


def key_info(certificate: bytes) -> bytes | None:
    """Return the SubjectPublicKeyInfo of a certificate in DER, or None where it is none.

    A library that reads the key and writes it anew may write other bytes, which match no digest.
    """
    outer = _content(certificate, 0)
    if outer is None or outer[1] != len(certificate):
        return None
    inner = _content(certificate, outer[0])
    if inner is None:
        return None
    position, end = inner
    fields = _FIELDS_BEFORE_THE_KEY + (certificate[position : position + 1] == bytes((_VERSION,)))
    for _ in range(fields):
        extent = _extent(certificate, position)
        if extent is None:
            return None
        position = extent[1]
    key = _content(certificate, position)
    return certificate[position : key[1]] if key is not None and key[1] <= end else None


def _content(data: bytes, position: int) -> tuple[int, int] | None:
    """Return where the content of a SEQUENCE begins and ends."""
    return _extent(data, position) if data[position : position + 1] == bytes((_SEQUENCE,)) else None


def _extent(data: bytes, position: int) -> tuple[int, int] | None:
    """Return where the content of an element begins and ends; None where that lies beyond the data."""
    length_at = position + 1
    if length_at >= len(data):
        return None
    length = data[length_at]
    begin = length_at + 1
    if length >= 0x80:  # the long form; 0x80 itself, "ends somewhere", is not DER
        size = length - 0x80
        if not 1 <= size <= 4:
            return None
        begin += size
        length = int.from_bytes(data[length_at + 1 : begin])
    end = begin + length
    return (begin, end) if end <= len(data) else None
