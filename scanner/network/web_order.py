"""In which order the addresses of a web host are tried."""

from collections.abc import Sequence


def alternate(addresses: Sequence[str]) -> tuple[str, ...]:
    """Put the families in turn, so that one that leads nowhere does not use up all tries."""
    ranks = {True: 0, False: 0}
    keys: dict[str, tuple[int, bool]] = {}
    for address in addresses:
        is_v6 = ":" in address
        keys[address] = (ranks[is_v6], is_v6)
        ranks[is_v6] += 1
    return tuple(sorted(addresses, key=lambda address: keys[address]))
