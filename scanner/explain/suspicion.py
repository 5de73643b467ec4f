"""What a diagnosis works with: the case, its suspects, and the words that they share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from scanner.config.catalogue import Provider
from scanner.explain.compare import Comparison, Difference
from scanner.explain.words import name_place
from scanner.model import Observation, State
from scanner.model.account import AccountCheck


class Standing(StrEnum):
    """What the evidence comes to."""

    LIKELY = "likely"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"


@dataclass(frozen=True, slots=True)
class Suspect:
    """One possible cause, what speaks for it and against it, and how it is mended."""

    id: str
    title: str
    mend: str
    pro: tuple[str, ...] = ()
    contra: tuple[str, ...] = ()

    @property
    def standing(self) -> Standing:
        """What the evidence comes to; without any a cause stays possible."""
        if self.pro:
            return Standing.POSSIBLE if self.contra else Standing.LIKELY
        return Standing.UNLIKELY if self.contra else Standing.POSSIBLE


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known where somebody complains."""

    seen: tuple[Observation, ...]
    """What was measured of the servers that the complaint is about."""
    comparison: Comparison | None = None
    """Against the program's settings, where they are known."""
    provider: Provider | None = None
    told: frozenset[str] = field(default_factory=frozenset)
    """Ids of what the text itself was explained by."""
    port: int | None = None
    """The port that the complaint names."""
    accounts: tuple[AccountCheck, ...] = ()
    """What was last found with accounts of the operator's own, at any server."""

    @property
    def reached(self) -> tuple[Observation, ...]:
        """What could be judged from here."""
        return tuple(seen for seen in self.seen if seen.state is not State.UNKNOWN)

    def difference(self, name: str) -> Difference | None:
        """Return what differs in a field of the settings."""
        differences = () if self.comparison is None else self.comparison.differences
        return next((each for each in differences if each.field == name), None)


Weigh = Callable[[Case], Suspect]
_CONFIG = "tell the program's settings with --config HOST:PORT:MODE"


def places_of(observations: Iterable[Observation]) -> str:
    """Name hosts and ports, a few of them."""
    named = dict.fromkeys(name_place(seen.endpoint.host, seen.endpoint.port) for seen in observations)
    return ", ".join(list(named)[:4])


def say_of(observations: Iterable[Observation], one: str, many: str) -> str:
    """Say something of the places that were measured, with the verb for one or for many."""
    observations = tuple(observations)
    is_one = len({(seen.endpoint.host, seen.endpoint.port) for seen in observations}) == 1
    return f"{places_of(observations)} {one if is_one else many}"


def of_port(case: Case) -> tuple[Observation, ...]:
    """Return what was measured at the port in question, of all ports where none is."""
    port = case.comparison.settings.port if case.comparison is not None else case.port
    return tuple(seen for seen in case.seen if port is None or seen.endpoint.port == port)


def ask_settings(case: Case) -> str:
    """Say what is needed to decide it, where the settings are not known."""
    return "" if case.comparison is not None else f"To decide it, {_CONFIG}."


def instead(difference: Difference) -> str:
    """Say what to use in the place of what differs."""
    return "" if difference.wanted is None else f" Use {difference.wanted}."
