"""Control servers, and the gates of our own network whose state they tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from scanner.model.observation import Endpoint
from scanner.model.ports import Protocol, TlsMode
from scanner.model.reason import Reason
from scanner.model.target import refuse_address

CONTROL = "control"
"""The source of an endpoint that is asked as a control."""
ANYTHING = "*"


class Realm(StrEnum):
    """Which way packets to an address go; what is true of one way says nothing of another."""

    PUBLIC = "public"
    """Through our network's way out to the Internet."""
    PRIVATE = "private"
    """To an address that only this network knows: they do not pass the way out."""
    LOOPBACK = "loopback"
    """They stay on this machine."""


@lru_cache(maxsize=16_384)
def realm_of(address: str) -> Realm:
    """Return the realm of an IP address."""
    why = refuse_address(address)
    if why is None:
        return Realm.PUBLIC
    return Realm.LOOPBACK if why == "a loopback address" else Realm.PRIVATE


def realm_of_dark(address: str) -> Realm:
    """Return the realm that a dark address tells of; one for documentation would lie out in the Internet."""
    return Realm.PUBLIC if refuse_address(address) == "a documentation address" else realm_of(address)


@dataclass(frozen=True, slots=True, order=True)
class Gate:
    """What has to be open in our own network for one port: filters may treat IPv4 and IPv6 differently."""

    port: int
    family: int
    """4 or 6."""
    realm: Realm

    def __str__(self) -> str:
        place = "" if self.realm is Realm.PUBLIC else f" in the {self.realm} network"
        return f"port {self.port} over IPv{self.family}{place}"


def gate_of(endpoint: Endpoint) -> Gate:
    """Return the gate that packets to an endpoint pass."""
    return Gate(endpoint.port, 6 if ":" in endpoint.address else 4, realm_of(endpoint.address))


@dataclass(frozen=True, slots=True)
class Control:
    """A server known to be up, whose answer tells what our own network does to its port."""

    host: str
    port: int
    protocol: Protocol
    tls_mode: TlsMode
    provider: str | None = None
    """Who runs it; controls of different providers have nothing in common."""
    banner: str | None = None
    """What its greeting holds, with `*` for anything; None = not known."""
    starttls: bool = False
    """Whether it is known to offer STARTTLS."""

    def is_named_by(self, greeting: str) -> bool:
        """Tell whether a greeting holds the expected text, letter case aside; any does where none is known.

        The pieces between the asterisks are looked for one behind the other, which no pattern can slow down.
        """
        text, start = greeting.casefold(), 0
        for piece in (self.banner or "").casefold().split(ANYTHING):
            start = text.find(piece, start)
            if start < 0:
                return False
            start += len(piece)
        return True


class Word(StrEnum):
    """What the controls say about a gate."""

    FINE = "fine"
    BLOCKED = "blocked"
    INTERCEPTED = "intercepted"
    UNTOLD = "untold"
    """They cannot tell."""


@dataclass(frozen=True, slots=True)
class GateStanding:
    """What our own network does to a port, by its controls, with the evidence in words."""

    word: Word
    evidence: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    """The ids of the signs of an interception that were seen, also where they are not enough."""
    failures: frozenset[Reason] = frozenset()
    """How the controls failed."""
    is_network_down: bool = False
    """Whether nothing at all works, and not this port alone."""
    has_witness: bool = False
    """Whether it cannot be told since a target answers where no control does."""

    @property
    def is_bad(self) -> bool:
        """Whether our own network is at fault."""
        return self.word in {Word.BLOCKED, Word.INTERCEPTED}

    @property
    def text(self) -> str:
        """The evidence as one text."""
        return "; ".join(self.evidence)


UNTOLD = GateStanding(Word.UNTOLD)
Standings = Mapping[Gate, GateStanding]


@dataclass(frozen=True, slots=True)
class PortStanding:
    """What is known about a port over all its gates; there is none where nothing can be told."""

    port: int
    is_blocked: bool
    is_intercepted: bool
    gates: tuple[tuple[Gate, GateStanding], ...] = field(default=(), compare=False)


def sum_up(standings: Standings) -> tuple[PortStanding, ...]:
    """Sum the gates of each port up: it is blocked (or intercepted) where one of its gates is."""
    by_port: dict[int, list[tuple[Gate, GateStanding]]] = {}
    for gate, standing in standings.items():
        if standing.word is not Word.UNTOLD:
            by_port.setdefault(gate.port, []).append((gate, standing))
    return tuple(
        PortStanding(
            port,
            is_blocked=any(standing.word is Word.BLOCKED for _, standing in found),
            is_intercepted=any(standing.word is Word.INTERCEPTED for _, standing in found),
            gates=tuple(found),
        )
        for port, found in sorted(by_port.items())
    )
