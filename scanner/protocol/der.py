"""Cuts pieces out of a certificate byte for byte (RFC 5280 section 4.1): its key, extensions."""

from collections.abc import Iterator

_SEQUENCE = 0x30
_INTEGER = 0x02
_OCTET_STRING = 0x04
_OBJECT_IDENTIFIER = 0x06
_VERSION = 0xA0
_EXTENSIONS = 0xA3
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


def with_one_extension(certificate: bytes, identifier: str) -> bytes | None:
    """Return a certificate with no extensions but those of that dotted identifier.

    None where it is no certificate. The result is good for reading alone: its signature no longer fits.
    """
    outer = _content(certificate, 0)
    inner = _content(certificate, outer[0]) if outer is not None else None
    if outer is None or inner is None:
        return None
    wanted = _write(_OBJECT_IDENTIFIER, _write_identifier(identifier))
    fields = []
    for field in _elements(certificate, *inner):
        if field[0] == _EXTENSIONS:
            kept = [each for each in _extensions(field) if _is_of_kind(each, wanted)]
            if kept:
                fields.append(_write(_EXTENSIONS, _write(_SEQUENCE, b"".join(kept))))
        else:
            fields.append(field)
    rest = certificate[inner[1] : outer[1]]
    return _write(_SEQUENCE, _write(_SEQUENCE, b"".join(fields)) + rest)


def numbers_in_extension(certificate: bytes, identifier: str) -> tuple[int, ...]:
    """Return the numbers of the extension of that dotted identifier, which is a list of them (RFC 7633).

    Nothing where it is not there, is there twice, or is anything else than such a list.
    """
    wanted = _write(_OBJECT_IDENTIFIER, _write_identifier(identifier))
    outer = _content(certificate, 0)
    inner = _content(certificate, outer[0]) if outer is not None else None
    fields = (
        [] if inner is None else [each for each in _elements(certificate, *inner) if each[0] == _EXTENSIONS]
    )
    found = [each for field in fields for each in _extensions(field) if _is_of_kind(each, wanted)]
    if len(found) != 1:
        return ()
    parts = [*_elements(found[0], *(_content(found[0], 0) or (0, 0)))]
    value = parts[-1] if parts else b""
    begin = _extent(value, 0)
    listed = _content(value, begin[0]) if begin is not None and value[0] == _OCTET_STRING else None
    if listed is None:
        return ()
    numbers = [*_elements(value, *listed)]
    if any(each[0] != _INTEGER for each in numbers):
        return ()
    return tuple(int.from_bytes(each[(_extent(each, 0) or (0, 0))[0] :], signed=True) for each in numbers)


def _extensions(field: bytes) -> Iterator[bytes]:
    wrapped = _extent(field, 0)
    listed = _content(field, wrapped[0]) if wrapped is not None else None
    return _elements(field, *listed) if listed is not None else iter(())


def _is_of_kind(extension: bytes, identifier: bytes) -> bool:
    content = _content(extension, 0)
    return content is not None and extension.startswith(identifier, content[0])


def _elements(data: bytes, position: int, end: int) -> Iterator[bytes]:
    """Yield the elements between two places, whole; what follows a broken one is left out."""
    while position < end:
        extent = _extent(data, position)
        if extent is None or extent[1] > end:
            return
        yield data[position : extent[1]]
        position = extent[1]


def _write(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def _write_identifier(dotted: str) -> bytes:
    """Encode an object identifier (ITU-T X.690 section 8.19): seven bits a byte, the high bit for "more"."""
    first, second, *others = map(int, dotted.split("."))
    content = bytearray()
    for number in (first * 40 + second, *others):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        content += bytes(reversed(groups))
    return bytes(content)


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
