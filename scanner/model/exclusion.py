"""The exclude list: whoever asked not to be probed, by name, address or network."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from scanner.model.target import TargetError, embedded_ipv4, parse_target, quote
from scanner.model.target_lines import TargetFileError, text_of_line

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is neither looked up nor connected to; asking it costs the same however long the list is."""

    names: frozenset[str] = frozenset()
    """Each stands for itself and for all below it."""
    networks: dict[tuple[int, int], frozenset[int]] = field(default_factory=dict)
    """By IP version and length of the prefix: the prefixes themselves, without the bits behind them."""

    def refuse_host(self, host: str) -> str | None:
        """Say why a host, lower-case A-labels or an address, may not be looked up; None where it may."""
        if not self.names and not self.networks:
            return None
        if (address := _read_address(host)) is not None:
            return self._refuse(address, host)
        name = host
        while name:
            if name in self.names:
                return f"{host} is on the exclude list{'' if name == host else f' ({name})'}"
            _, _, name = name.partition(".")
        return None

    def refuse_address(self, address: str) -> str | None:
        """Say why an address may not be connected to; None where it may.

        An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is excluded with the one inside.
        """
        parsed = _read_address(address) if self.networks else None
        return None if parsed is None else self._refuse(parsed, address)

    def refuse(self, host: str, address: str) -> str | None:
        """Say why an address may not be connected to for a host; None where it may."""
        return self.refuse_host(host) or self.refuse_address(address)

    def _refuse(self, address: _Address, text: str) -> str | None:
        inner = embedded_ipv4(address) if isinstance(address, ipaddress.IPv6Address) else None
        for each in (address,) if inner is None else (address, inner):
            for (version, length), prefixes in self.networks.items():
                if each.version == version and int(each) >> (each.max_prefixlen - length) in prefixes:
                    network = ipaddress.ip_network((each, length), strict=False)
                    shown = "" if length == each.max_prefixlen and each is address else f" ({network})"
                    return f"{text} is on the exclude list{shown}"
        return None


NOTHING_EXCLUDED = Exclusion()


def read_exclusion(text: str) -> str:
    """Return an entry of an exclude list in its one spelling: a name, an address or a network.

    Raises:
        TargetError: it is none of them; the text says how to mend it.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "/" in bare and "://" not in bare:
        return str(_read_network(bare))
    if (address := _read_address(bare)) is not None:
        return str(_unmapped(ipaddress.ip_network(address))).partition("/")[0]
    if "%" in bare:
        raise TargetError(f"{quote(text)}: an address with a zone means nothing elsewhere; leave out the %")
    if text.startswith(("*.", ".")) and (plain := text.lstrip("*.")):
        raise TargetError(f"{quote(text)}: write {quote(plain)}, which means all names below it too")
    target = parse_target(text)
    if target.port is not None:
        raise TargetError(f"{quote(text)}: a host is excluded with all its ports; write {quote(target.host)}")
    return target.host


def read_exclusion_lines(lines: Iterable[str]) -> list[str]:
    """Read one entry a line, each once; blank lines and `#` comments are ignored.

    Raises:
        TargetFileError: lines that are no entries, all of them.
    """
    entries: dict[str, None] = {}
    wrong: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        text = text_of_line(line, is_first=number == 1)
        if not text:
            continue
        try:
            entries[read_exclusion(text)] = None
        except TargetError as error:
            wrong.append((number, str(error)))
    if wrong:
        raise TargetFileError(wrong)
    return list(entries)


@lru_cache(maxsize=4)
def build_exclusion(entries: tuple[str, ...]) -> Exclusion:
    """Build the list of its entries, as `read_exclusion` returns them."""
    names: set[str] = set()
    networks: dict[tuple[int, int], set[int]] = {}
    for entry in entries:
        # No name ends in a number (`normalise_host`).
        if not (":" in entry or "/" in entry or entry.rpartition(".")[2].isdecimal()):
            names.add(entry)
            continue
        network = ipaddress.ip_network(entry)
        prefix = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        networks.setdefault((network.version, network.prefixlen), set()).add(prefix)
    return Exclusion(frozenset(names), {kind: frozenset(found) for kind, found in networks.items()})


def _read_network(text: str) -> _Network:
    try:
        # Not with a zone, which means nothing elsewhere.
        return _unmapped(ipaddress.ip_network(text.replace("%", "?"), strict=False))
    except ValueError:
        raise TargetError(
            f"{quote(text)}: no network; write it as 192.0.2.0/24 or 2001:db8::/32, or a name without a path"
        ) from None


def _unmapped(network: _Network) -> _Network:
    """Return the IPv4 network that a network of mapped addresses means."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        start = ipaddress.IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return ipaddress.IPv4Network((start, network.prefixlen - 96))
    return network


@lru_cache(maxsize=4096)
def _read_address(text: str) -> _Address | None:
    if "%" in text or not (":" in text or text[-1:].isdigit()):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
