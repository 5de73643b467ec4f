"""What is watched and has shown nothing yet: servers still looked up, and endpoints not probed yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of one domain is still to come."""

    members: tuple[Membership, ...] = ()
    """The endpoints that wait for their first probe."""
    is_looked_up: bool = False
    """Its servers are being looked up."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.members) or self.is_looked_up

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that are waited for, each once."""
        return tuple(dict.fromkeys(member.key[2] for member in self.members))

    @property
    def places(self) -> tuple[str, ...]:
        """The hosts and ports that are waited for, each once."""
        return tuple(dict.fromkeys(f"{member.key[0]}:{member.key[2]}" for member in self.members))


NOTHING = Waiting()
_LOOKED_UP = Waiting(is_looked_up=True)


def find_waiting(
    targets: Iterable[str], facts: Iterable[DomainFacts], probed: Iterable[Key]
) -> Mapping[str, Waiting]:
    """Return what every target waits for, by name; of one that waits for nothing it is false.

    Args:
        targets: the names of all that is watched.
        facts: what discovery has found so far.
        probed: the endpoints that have been probed.
    """
    done = frozenset(probed)
    found = dict.fromkeys(targets, _LOOKED_UP)
    for one in facts:
        members = tuple(member for member in one.members if member.key not in done)
        found[one.domain] = Waiting(members) if members else NOTHING
    return found


def count_waiting(found: Mapping[str, Waiting]) -> int:
    """Return how many endpoints and targets are waited for; an endpoint that several domains share is one."""
    keys = {member.key for waiting in found.values() for member in waiting.members}
    return len(keys) + sum(waiting.is_looked_up for waiting in found.values())
