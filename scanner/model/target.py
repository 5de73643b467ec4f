"""A target: what a user asks to have probed, read from text, and which addresses may be probed at all."""

import ipaddress
import json
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

import idna

from scanner.model.ports import PORTS, Protocol, TlsMode

Place: TypeAlias = tuple[str, int | None, Protocol | None]
"""Host, port and protocol; no port and no protocol for a domain."""

_SCHEMES: dict[str, tuple[Protocol, TlsMode, int]] = {
    "smtp": (Protocol.SMTP, TlsMode.STARTTLS, 25),
    "smtps": (Protocol.SMTP, TlsMode.IMPLICIT, 465),
    "imap": (Protocol.IMAP, TlsMode.STARTTLS, 143),
    "imaps": (Protocol.IMAP, TlsMode.IMPLICIT, 993),
    "pop3": (Protocol.POP3, TlsMode.STARTTLS, 110),
    "pop3s": (Protocol.POP3, TlsMode.IMPLICIT, 995),
}
_SCHEME_OF = {(protocol, tls_mode): name for name, (protocol, tls_mode, _) in _SCHEMES.items()}
_SCHEME_LIST = ", ".join(f"{name}://" for name in _SCHEMES)

_MAX_TEXT = 512
_MAX_NAME = 253  # RFC 1035 section 2.3.4, without the trailing dot
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
# A name that is in its one spelling already: the mapping of UTS 46 leaves it as it is, and nothing has to be
# encoded. Lists have a million of them, and the mapping takes ten times as long.
_PLAIN_NAME = re.compile(
    r"(?:(?!xn--)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?!xn--)[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
_PLAIN_TEXT = re.compile(rf"[A-Za-z0-9._:\[\]-]{{1,{_MAX_TEXT}}}")


class TargetError(ValueError):
    """A target that cannot be read; the text says what, why and how to mend it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A domain to discover (no port), or one host and port. Two spellings of one target are equal."""

    text: str = field(compare=False)
    """As the user wrote it."""
    host: str
    """Lower-case A-labels without a trailing dot, or an IP address without brackets."""
    port: int | None = None
    protocol: Protocol | None = None
    tls_mode: TlsMode | None = None

    def __str__(self) -> str:
        return self._write(f"[{self.host}]" if ":" in self.host else self.host)

    @property
    def display(self) -> str:
        """The same for people's eyes: international names in their own script (RFC 5890 U-labels)."""
        if self.is_address:
            return str(self)
        labels = self.host.split(".")
        return self._write(".".join(idna.ulabel(x) if x.startswith("xn--") else x for x in labels))

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address and needs no look-up."""
        return is_address(self.host)

    @property
    def place(self) -> Place:
        """What the metrics call it, which leave out the TLS mode."""
        return self.host, self.port, self.protocol

    def refuse_beside(self, other: "Target", where: str = "") -> str:
        """Say why two targets of one place cannot both be watched; `where` tells where the other one is."""
        return (
            f"{quote(self.text)}: the same host and port as {quote(other.text)}{where}, "
            "with another TLS mode; one result would hide the other: keep the one that the server speaks"
        )

    def _write(self, host: str) -> str:
        if self.port is None or self.protocol is None or self.tls_mode is None:
            return host
        row = PORTS.get(self.port)
        if row is not None and (row.protocol, row.tls_mode) == (self.protocol, self.tls_mode):
            return f"{host}:{self.port}"
        return f"{_SCHEME_OF[self.protocol, self.tls_mode]}://{host}:{self.port}"


def parse_target(text: str) -> Target:
    """Read one target; raise `TargetError` for anything that is not exactly one.

    Forms: `example.org`, `mx.example.org:25`, `smtp://host:2525`, `imaps://[2001:db8::1]`.
    """
    if len(text) <= _MAX_NAME and _PLAIN_NAME.fullmatch(text):
        return Target(text, text)
    scheme, mark, rest = text.partition("://")
    if mark and scheme.lower() not in _SCHEMES:
        raise TargetError(f"{quote(scheme)}: unknown scheme; use one of {_SCHEME_LIST}, or none")
    host, port = _split_port(rest if mark else text)
    if mark:
        protocol, tls_mode, default_port = _SCHEMES[scheme.lower()]
        return Target(text, host, default_port if port is None else port, protocol, tls_mode)
    if port is None:
        return Target(text, host)
    if port not in PORTS:
        known = ", ".join(map(str, sorted(PORTS)))
        raise TargetError(
            f"{quote(text)}: port {port} is none of the mail ports {known}; "
            f"say its protocol, for example smtp://{text} ({_SCHEME_LIST})"
        )
    return Target(text, host, port, PORTS[port].protocol, PORTS[port].tls_mode)


def normalise_host(text: str) -> str:
    """Return a host name as lower-case A-labels without trailing dot, or an IP address in its short form.

    Names are mapped by UTS 46 and checked by IDNA 2008; underscores are let through, since DNS has them.
    Raise `TargetError` for anything else.
    """
    _check_characters(text)
    address = _read_address(text)
    if address is not None:
        return str(address)
    try:
        labels = idna.uts46_remap(text, std3_rules=False).removesuffix(".").split(".")
        host = ".".join(_encode_label(label) for label in labels)
    except TargetError as error:
        raise TargetError(f"{quote(text)}: {error}") from None
    except (idna.IDNAError, UnicodeError) as error:
        raise TargetError(f"{quote(text)}: no host name: {escape(str(error))}; check the spelling") from None
    if len(host) > _MAX_NAME:
        raise TargetError(f"{quote(text)}: the name is longer than {_MAX_NAME} characters")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        address = _read_address(host)
        if address is None:
            raise TargetError(f"{quote(text)}: ends in a number, but is no IPv4 address such as 192.0.2.1")
        return str(address)
    return host


def is_address(host: str) -> bool:
    """Whether a host is an IP address and no name."""
    return _read_address(host) is not None


def refuse_address(address: str) -> str | None:
    """Say why an address may not be probed (a private network, loopback ...); None when it may.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is judged by the one inside.
    """
    parsed = _read_address(address)
    if parsed is None:
        return "not an IP address"
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = embedded_ipv4(parsed) or parsed
    named = next((why for network, why in _REFUSED if parsed in network), None)
    if named is None and parsed.version == 6 and parsed not in _GLOBAL_UNICAST:
        return "not a global unicast address"  # RFC 4291 section 2.4
    return named


def quote(text: str) -> str:
    """Quote what a user wrote for an error message: controls escaped, cut at 60 characters."""
    return f'"{escape(text if len(text) <= 60 else text[:57] + "...")}"'


def escape(text: str) -> str:
    """Escape what cannot be printed: controls, odd spaces, halves of a surrogate pair."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _check_characters(text: str) -> None:
    """Refuse what no host has: nothing at all, too much, white space, controls, users, paths."""
    if _PLAIN_TEXT.fullmatch(text):
        return
    if not text:
        raise TargetError("there is no host; write a name such as example.org")
    if len(text) > _MAX_TEXT:
        raise TargetError(f"{quote(text)}: longer than {_MAX_TEXT} characters; write one target")
    if "@" in text:  # the part before it may be a password: not repeated
        domain = quote(text.rpartition("@")[2])
        raise TargetError(f"a target has no user or mailbox; write only what follows the @: {domain}")
    for character in text:
        category = unicodedata.category(character)
        if category.startswith("Z"):
            raise TargetError(f"{quote(text)}: there is a space in it; write one target, without spaces")
        if category in {"Cc", "Cs"}:
            raise TargetError(f"{quote(text)}: there is a control character in it; remove it")
        if character in "/\\?#":
            raise TargetError(f"{quote(text)}: a target has no path; remove all from the {character} on")


def _split_port(text: str) -> tuple[str, int | None]:
    """Split `host`, `host:port`, `[v6]` or `[v6]:port`; the host comes back normalised."""
    _check_characters(text)
    if text.startswith("["):
        inside, bracket, after = text[1:].partition("]")
        address = _read_address(inside)
        if not bracket or not isinstance(address, ipaddress.IPv6Address) or after[:1] not in {"", ":"}:
            raise TargetError(f"{quote(text)}: write an IPv6 address as [2001:db8::1] or [2001:db8::1]:25")
        return str(address), _read_port(text, after[1:]) if after else None
    if _read_address(text) is not None and ":" in text:
        raise TargetError(f"{quote(text)}: an IPv6 address goes in brackets: [{text}] or [{text}]:25")
    host, colon, port = text.partition(":")
    return normalise_host(host), _read_port(text, port) if colon else None


def _read_port(text: str, digits: str) -> int:
    """Read a port number, 1 to 65535."""
    if re.fullmatch(r"[0-9]{1,5}", digits) and 1 <= int(digits) <= 65535:
        return int(digits)
    raise TargetError(f"{quote(text)}: the port must be a number from 1 to 65535, not {quote(digits)}")


@lru_cache(maxsize=4096)
def _read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an IP address; None for a name. A zone (fe80::1%eth0) is none: it means nothing elsewhere."""
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _encode_label(label: str) -> str:
    """Check one label of a mapped name and return its A-label."""
    if not label.isascii() or label.startswith("xn--"):
        encoded = idna.alabel(label).decode("ascii")
        idna.ulabel(encoded)
        return encoded
    if _LABEL.fullmatch(label):
        return label
    if not label:
        raise TargetError("there is an empty part in the name; remove the extra dot")
    if len(label) > 63:
        raise TargetError(f"the part {quote(label)} is longer than 63 characters")
    raise TargetError(
        f"the part {quote(label)} may hold letters, digits, hyphen and underscore only, "
        "and no hyphen at either end"
    )


def embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address to which packets for this one are in truth sent."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


# The IANA registries of special-purpose addresses, kept here since the answers of the ipaddress module change
# from one Python release to the next.
_REFUSED = tuple(
    (ipaddress.ip_network(network), why)
    for why, networks in (
        ("an unspecified address", "0.0.0.0/8 ::/128"),
        ("a loopback address", "127.0.0.0/8 ::1/128"),
        ("a private address", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10 64:ff9b:1::/48"),
        ("a carrier-grade NAT address", "100.64.0.0/10"),
        ("a link-local address", "169.254.0.0/16 fe80::/10"),
        ("a multicast address", "224.0.0.0/4 ff00::/8"),
        ("a documentation address", "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"),
        ("a benchmarking address", "198.18.0.0/15"),
        ("a reserved address", "192.0.0.0/24 192.88.99.0/24 240.0.0.0/4 2001::/23"),
    )
    for network in networks.split()
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
