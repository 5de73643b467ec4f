"""Makes raw ClientHellos that ask for a version or a group, with no key exchange to do (RFC 8446, 6101)."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""From oldest to newest; the walk goes down them."""

NUMBERS = {"SSLv2": 0x0002, "SSLv3": 0x0300, "TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303}
NUMBERS["TLSv1.3"] = 0x0304

X25519MLKEM768 = 0x11EC
GROUP_NAMES = {
    X25519MLKEM768: "X25519MLKEM768",
    0x001D: "x25519",
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001E: "x448",
    0x11EB: "SecP256r1MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
}
"""The groups offered, in our order, by OpenSSL's names."""
GROUPS = tuple(GROUP_NAMES)

RANDOM_SIZE = 32
MOST_SUITES = 64
"""Some servers read no further."""


Draw = Callable[[int], bytes]
"""Returns so many random bytes (`os.urandom`)."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A ClientHello to send, on a connection of its own, and the version that it asks for."""

    version: str
    data: bytes


class Suites(Enum):
    """Which cipher suites a hello offers."""

    USUAL = auto()
    OTHER = auto()
    """What is rare: for a server that finds nothing among the usual; with more groups and signatures too."""
    STRONG = auto()
    """For a server that finds the usual too weak (alert 71)."""
    FEW = auto()
    """The smallest hello, for a server that does not like the usual one (alerts 10, 47, 50)."""


_SUITES_13 = {
    Suites.USUAL: (0x1301, 0x1302, 0x1303, 0x1304, 0x1305),
    Suites.OTHER: (0x1301, 0x1302, 0x1303, 0x1304, 0x1305),
    Suites.STRONG: (0x1302, 0x1303),
    Suites.FEW: (0x1301, 0x1302, 0x1303),
}
# fmt: off
_SUITES_12 = {
    Suites.USUAL: (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009E, 0x009F, 0xCCAA, 0x009C, 0x009D,
                   0xC023, 0xC027, 0xC024, 0xC028, 0x0067, 0x006B, 0x003C, 0x003D),
    # DSS, CCM, ARIA, CAMELLIA, anonymous, fixed ECDH, GOST; and a few of the usual ones for other groups.
    Suites.OTHER: (0xC02F, 0xC02B, 0x009E, 0x00A2, 0x00A3, 0x0040, 0xC09C, 0xC09D, 0xC09E, 0xC0AC, 0xC0AD,
                   0xC05C, 0xC060, 0xC072, 0xC076, 0x00BA, 0x00A6, 0xC02D, 0xC031, 0xC100),
    Suites.STRONG: (0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009F, 0xCCAA, 0xC024, 0xC028, 0x009D),
    Suites.FEW: (0xC02F, 0xC030, 0xC02B, 0xC02C, 0x009C),
}
_SUITES_OLD = {
    Suites.USUAL: (0xC009, 0xC013, 0xC00A, 0xC014, 0x0033, 0x0039, 0x002F, 0x0035, 0xC008, 0xC012, 0x0016,
                   0x000A, 0xC007, 0xC011, 0x0005, 0x0004),
    # DSS, CAMELLIA, SEED, IDEA, DES, export, anonymous, fixed ECDH, GOST, without encryption.
    Suites.OTHER: (0xC013, 0xC009, 0x0033, 0x0032, 0x0038, 0x0013, 0x0041, 0x0084, 0x0045, 0x0088, 0x0096,
                   0x009A, 0x0007, 0x0009, 0x0015, 0x0012, 0x0003, 0x0006, 0x0008, 0x0014, 0x0011, 0x0034,
                   0x003A, 0x0018, 0x001B, 0x0046, 0xC018, 0xC019, 0xC017, 0xC016, 0xC004, 0xC005, 0xC00E,
                   0xC00F, 0x0081, 0x0001, 0x0002, 0xC006, 0xC010),
    Suites.STRONG: (0xC00A, 0xC014, 0x0039, 0x0035),
    Suites.FEW: (0xC013, 0xC014, 0xC009, 0x002F, 0x0035, 0x000A, 0x0005),
}
# All that servers of that time had: one hello is to be enough.
_SUITES_SSL3 = (0x0005, 0x000A, 0x002F, 0x0035, 0x0004, 0x0016, 0x0013, 0x0033, 0x0039, 0x0032, 0x0038,
                0x0007, 0x0009, 0x0015, 0x0012, 0x0003, 0x0006, 0x0008, 0x0014, 0x0011, 0x0018, 0x001B,
                0x0034, 0x003A)
# RC4, RC4 export, RC2, RC2 export, IDEA, DES, 3DES.
_SUITES_SSL2 = (0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700C0)

# SHA-1 at the end, for old servers; ML-DSA, MD5, DSA and brainpool only among the rare.
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
               0x0401, 0x0501, 0x0601, 0x0203, 0x0201)
_OTHER_SIGNATURES = (*_SIGNATURES, 0x0904, 0x0905, 0x0906, 0x081A, 0x081B, 0x081C, 0x0301, 0x0303, 0x0402,
                     0x0302, 0x0202, 0x0101)
# brainpool for TLS 1.3 and 1.2, the small curves of old, larger fields.
_OTHER_GROUPS = (0x001F, 0x0020, 0x0021, 0x001A, 0x001B, 0x001C, 0x0016, 0x0015, 0x0013, 0x000E, 0x000D,
                 0x0102, 0x0103, 0x0104)
# fmt: on

# RFC 7685: old F5 devices hang on a record of 256 to 511 bytes. Neither the hello nor the record may be one.
_HANG_FROM, _HANG_END = 256, 512
_HEADERS = 5 + 4


@dataclass(frozen=True, slots=True)
class _Frame:
    """All of a hello that is the same for every server and every time."""

    record_version: bytes
    version: bytes
    offer: bytes
    """From the session ID, which is empty, to the compression methods."""
    extensions: bytes | None
    """All but the server's name; None where the version has none."""


def make_hello(
    version: str, host: str, *, random: bytes, suites: Suites = Suites.USUAL, groups: tuple[int, ...] = GROUPS
) -> bytes:
    """Return the record of a ClientHello whose highest version is `version`; all lower ones are welcome.

    TLS 1.3 comes with an empty list of key shares, which a server answers by naming the group that it
    wants (HelloRetryRequest, RFC 8446 section 4.2.8). SSLv2 offers itself alone, in its own format.
    `host` goes along as SNI (RFC 6066 section 3) unless it is an address or empty.

    Args:
        random: 32 bytes, fresh for each hello.
        suites: which suites to offer (TLS only).

    Raises:
        ValueError: the random bytes are not 32, or the host is not ASCII.
        KeyError: there is no such version.
    """
    if len(random) != RANDOM_SIZE:
        raise ValueError(f"a hello wants {RANDOM_SIZE} random bytes, not {len(random)}")
    if version == "SSLv2":
        return _SSL2_HEAD + random[:16]
    return _fill(_frame(version, suites, groups, is_alone=False), host, random)


def is_hello(data: bytes) -> bool:
    """Tell whether these bytes are one whole ClientHello as we make them, and nothing besides."""
    if data.startswith(_SSL2_HEAD):
        return len(data) == len(_SSL2_HEAD) + 16
    body = data[9:]
    return (
        data[:2] == b"\x16\x03"
        and data[5:6] == b"\x01"
        and int.from_bytes(data[3:5], "big") == len(body) + 4
        and int.from_bytes(data[6:9], "big") == len(body)
    )


def make_group_hello(host: str, groups: tuple[int, ...], *, random: bytes) -> bytes:
    """Return a ClientHello that offers TLS 1.3 alone with these groups; the rest as `make_hello`."""
    if len(random) != RANDOM_SIZE:
        raise ValueError(f"a hello wants {RANDOM_SIZE} random bytes, not {len(random)}")
    return _fill(_frame("TLSv1.3", Suites.USUAL, groups, is_alone=True), host, random)


def _fill(frame: _Frame, host: str, random: bytes) -> bytes:
    body = frame.version + random + frame.offer
    if frame.extensions is not None:
        extensions = _name_server(host) + frame.extensions
        size = len(body) + 2 + len(extensions)
        if size + _HEADERS >= _HANG_FROM and size < _HANG_END:
            # Its own header takes four bytes; an extension that is empty and last upsets other servers.
            extensions += _extension(21, bytes(max(_HANG_END - size - 4, 1)))
        body += _sized(extensions)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16" + frame.record_version + _sized(message)


@lru_cache(maxsize=64)
def _frame(version: str, suites: Suites, groups: tuple[int, ...], *, is_alone: bool) -> _Frame:
    number = NUMBERS[version]
    if version == "SSLv3":
        return _Frame(b"\x03\x00", b"\x03\x00", _offer(_SUITES_SSL3), None)
    chosen: tuple[int, ...] = () if is_alone else _SUITES_OLD[suites]
    if number >= NUMBERS["TLSv1.2"] and not is_alone:
        chosen = _SUITES_12[suites] + chosen
    if version == "TLSv1.3":
        chosen = _SUITES_13[suites] + chosen
    return _Frame(
        b"\x03\x01",
        min(number, NUMBERS["TLSv1.2"]).to_bytes(2, "big"),
        _offer(chosen),
        _extensions(version, suites, groups, is_alone=is_alone),
    )


def _extensions(version: str, suites: Suites, groups: tuple[int, ...], *, is_alone: bool) -> bytes:
    is_other = suites is Suites.OTHER
    parts = [_extension(10, _list(groups + _OTHER_GROUPS if is_other else groups))]
    if not is_alone and suites is not Suites.FEW:
        parts.append(_extension(11, b"\x01\x00"))  # points: uncompressed
        parts.append(_extension(23, b""))  # extended master secret
        parts.append(_extension(0xFF01, b"\x00"))  # secure renegotiation
    if NUMBERS[version] >= NUMBERS["TLSv1.2"]:
        parts.append(_extension(13, _list(_OTHER_SIGNATURES if is_other else _SIGNATURES)))
    if version == "TLSv1.3":
        offered = VERSIONS[-1:] if is_alone else VERSIONS[:1:-1]
        versions = b"".join(NUMBERS[name].to_bytes(2, "big") for name in offered)
        parts.append(_extension(43, bytes((len(versions),)) + versions))
        parts.append(_extension(51, b"\x00\x00"))
    return b"".join(parts)


def _name_server(host: str) -> bytes:
    """Return the extension with the server's name, without a final dot; b"" for an address or no name."""
    name = host.removesuffix(".").encode("ascii")
    if not name or _is_address(host):
        return b""
    return _extension(0, _sized(b"\x00" + _sized(name)))


def _is_address(host: str) -> bool:
    if not host[-1].isdigit() and ":" not in host:
        return False
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _offer(suites: tuple[int, ...]) -> bytes:
    return b"\x00" + _list(suites) + b"\x01\x00"


def _list(numbers: tuple[int, ...]) -> bytes:
    return _sized(b"".join(number.to_bytes(2, "big") for number in numbers))


def _extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + _sized(data)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


# CLIENT-HELLO: type, version, the lengths of suites, session ID and challenge, the suites; 46 bytes in all.
_SSL2_HEAD = bytes.fromhex("802e 01 0002 0015 0000 0010") + b"".join(
    suite.to_bytes(3, "big") for suite in _SUITES_SSL2
)
