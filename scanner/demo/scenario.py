"""A scenario: one port of one host of the farm, how it behaves, and what a probe must find there."""

from dataclasses import dataclass
from enum import StrEnum

from scanner.demo.dialogue import Behaviour
from scanner.demo.tls import TlsPolicy
from scanner.model import PORTS, STATE_OF, Protocol, Reason, State, TlsMode

DOMAIN = "mail.test"

QUICK = 2.0
"""Seconds for a probe that never has to wait for the server."""

WAITS = 5.0
"""Seconds for a probe that must wait for one of its time limits, each at most 3 s."""


class NoServer(StrEnum):
    """A port without a server."""

    REFUSED = "refused"
    """Nothing listens: the kernel answers with a reset."""
    BLOCKED = "blocked"
    """SYNs vanish: see `blocked.py`."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table; a host may have several rows, each with another port."""

    name: str
    title: str
    port: int
    protocol: Protocol
    tls_mode: TlsMode
    behaviour: Behaviour | NoServer
    state: State
    reason: Reason | None
    verdicts: frozenset[str]
    """Ids of verdicts that must be there; others may be."""
    sweep_verdicts: frozenset[str]
    """Ids that must be there too, once the TLS versions have been swept."""
    bound: float
    """Seconds by which a probe must have its answer, with no time limit of the probe over 3 s."""
    tls: TlsPolicy
    greeting_delay: float
    """Seconds before the greeting; the farm can shorten them."""

    @property
    def host(self) -> str:
        """The host name, `<name>.mail.test`."""
        return f"{self.name}.{DOMAIN}"

    @property
    def key(self) -> tuple[str, int]:
        """Host name and port: the identity of the row."""
        return (self.host, self.port)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a probe must find, and by when; the fields mean what they mean in Scenario."""

    reason: Reason | None
    verdicts: frozenset[str]
    bound: float
    sweep_verdicts: frozenset[str] = frozenset()


def opens(*verdicts: str, in_sweep: tuple[str, ...] = ()) -> Expected:
    """Expect the state open, with these verdicts, and more `in_sweep` of the TLS versions."""
    return Expected(None, frozenset(verdicts), QUICK, frozenset(in_sweep))


def fails(reason: Reason, *verdicts: str, bound: float = QUICK) -> Expected:
    """Expect a reason and the state it belongs to, with these verdicts."""
    return Expected(reason, frozenset(verdicts), bound)


_DEFAULT_POLICY = TlsPolicy()


def describe(
    name: str,
    title: str,
    port: int,
    behaviour: Behaviour | NoServer,
    expected: Expected,
    *,
    tls: TlsPolicy = _DEFAULT_POLICY,
    greeting_delay: float = 0.0,
) -> Scenario:
    """Make a row; protocol and TLS mode come from the port table, the state from the reason."""
    row = PORTS[port]
    return Scenario(
        name=name,
        title=title,
        port=port,
        protocol=row.protocol,
        tls_mode=row.tls_mode,
        behaviour=behaviour,
        state=State.OPEN if expected.reason is None else STATE_OF[expected.reason],
        reason=expected.reason,
        verdicts=expected.verdicts,
        sweep_verdicts=expected.sweep_verdicts,
        bound=expected.bound + greeting_delay,
        tls=tls,
        greeting_delay=greeting_delay,
    )
