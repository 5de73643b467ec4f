"""Whereabouts: which ports are watched at a host or an address, without a walk over all endpoints."""

from functools import lru_cache

from scanner.model.observation import Key

_Ports = tuple[tuple[int, int], ...]
"""Ports, and how many endpoints have each: most hosts have the same, and share one."""


class Whereabouts:
    """Hosts and addresses of what is watched."""

    def __init__(self) -> None:
        self._ports: dict[str, _Ports] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._ports

    def add(self, key: Key) -> None:
        """Take an endpoint that is not known yet."""
        for name in {key[0], key[1]}:
            self._ports[name] = _count(self._ports.get(name, ()), key[2], 1)

    def remove(self, key: Key) -> None:
        """Let go of an endpoint that was added."""
        for name in {key[0], key[1]}:
            ports = _count(self._ports[name], key[2], -1)
            if ports:
                self._ports[name] = ports
            else:
                del self._ports[name]

    def has_port(self, name: str, port: int | None) -> bool:
        """Tell whether a port of a host or an address is watched."""
        return any(own == port for own, _ in self._ports.get(name, ()))


@lru_cache(maxsize=4096)
def _count(ports: _Ports, port: int, by: int) -> _Ports:
    counts = dict(ports)
    counts[port] = counts.get(port, 0) + by
    return tuple(sorted(item for item in counts.items() if item[1] > 0))
