"""Finds the endpoints that a target means among those that the store knows."""

from collections.abc import Sequence
from difflib import get_close_matches

from scanner.cli.console import give_up
from scanner.cli.kept import Source
from scanner.model.observation import Key
from scanner.model.target import Target, TargetError, is_address, normalise_host, parse_target, quote
from scanner.store import Kept

_MOST_NAMED = 5


class Search:
    """Tells which endpoints a target means, and remembers the names that went by.

    A name alone means a host, or a domain with all that serves it; with a port it means the host.
    """

    def __init__(self, target: Target, address: str | None = None) -> None:
        self._target = target
        self._address = address
        self.names: set[str] = set()

    def __call__(self, key: Key, domains: Sequence[str]) -> bool:
        """Tell whether an endpoint is meant."""
        host, address, port, protocol, tls_mode = key
        self.names.update((host, *domains))
        target = self._target
        if self._address is not None and address != self._address:
            return False
        if target.port is None:
            return host == target.host or target.host in domains
        place = (target.port, target.protocol, target.tls_mode)
        return host == target.host and (port, protocol, tls_mode) == place

    def say_nothing_found(self, source: Source) -> str:
        """Say in one line that nothing is known of the target, and what is."""
        at = f" at {self._address}" if self._address is not None else ""
        what = f"{self._target}{at}: {source.place} knows no such endpoint"
        if not self.names:
            return f"{what}, and no other; start mailport serve with it, and wait for its first probes"
        if self._target.host in self.names:
            return f"{what}, but others of {self._target.host}; leave the port or --address out to see them"
        close = get_close_matches(self._target.host, sorted(self.names), _MOST_NAMED, 0.5)
        named = ", ".join(close or sorted(self.names)[:_MOST_NAMED])
        return f"{what}; {'close to it' if close else 'known'}: {named}"


def find_endpoints(source: Source, text: str, address: str | None) -> list[Kept]:
    """Return the endpoints that a target means, by host and port; end the command where there is none."""
    try:
        search = Search(parse_target(text), None if address is None else _read_address(address))
    except TargetError as error:
        give_up(str(error))
    found = sorted(source.reader.find(search, vantage=source.vantage), key=lambda kept: kept.key)
    if not found:
        give_up(search.say_nothing_found(source))
    return found


def _read_address(text: str) -> str:
    address = normalise_host(text.removeprefix("[").removesuffix("]"))
    if not is_address(address):
        raise TargetError(f"--address {quote(text)}: is no IP address such as 192.0.2.1 or 2001:db8::1")
    return address
