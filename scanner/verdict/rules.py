"""What every rule is given and may return: one observation, the policy and the moment of judging."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from scanner.model import (
    PORTS,
    Expectation,
    Observation,
    Protocol,
    Role,
    Severity,
    Standing,
    TlsMode,
    Verdict,
)
from scanner.verdict.tls_versions import TLS_VERSIONS

_MOST_SHOWN = 8
_NOTHING_EXPECTED = Expectation()


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of a port: the oldest TLS version, and how early an ending certificate is told (days).

    Raises:
        ValueError: a TLS version that does not exist, or a negative number of days.
    """

    min_tls: str = "TLSv1.2"
    certificate_warning_days: int = 21

    def __post_init__(self) -> None:
        if self.min_tls not in TLS_VERSIONS:
            raise ValueError(
                f"min_tls: {self.min_tls!r} is no TLS version; use one of {', '.join(TLS_VERSIONS)}"
            )
        if self.certificate_warning_days < 0:
            raise ValueError(
                f"certificate_warning_days: {self.certificate_warning_days} is below 0; use 0 or more"
            )


@dataclass(frozen=True, slots=True)
class Case:
    """One observation before the judge. `now` is aware of its time zone, as certificate dates are."""

    observation: Observation
    policy: Policy
    now: datetime

    @property
    def expectation(self) -> Expectation:
        """What is declared or published about the endpoint; empty where nothing is."""
        return self.observation.endpoint.expectation or _NOTHING_EXPECTED

    @property
    def is_mx(self) -> bool:
        """Whether servers talk to this port, which go on without TLS or with any certificate (RFC 7435)."""
        return self.observation.endpoint.role is Role.MX

    @property
    def is_starttls(self) -> bool:
        """Whether TLS begins by a command on this port."""
        return self.observation.endpoint.tls_mode is TlsMode.STARTTLS

    @property
    def command(self) -> str:
        """The command that begins TLS: STARTTLS, or STLS in POP3 (RFC 2595)."""
        return "STLS" if self.observation.endpoint.protocol is Protocol.POP3 else "STARTTLS"

    @property
    def standing(self) -> Standing | None:
        """What the port table says the port is worth; None for a port outside the table."""
        row = PORTS.get(self.observation.endpoint.port)
        return (
            row.standing if row is not None and row.protocol is self.observation.endpoint.protocol else None
        )

    def grade(self, *, mx: Severity, client: Severity) -> Severity:
        """Choose a severity by who talks to the port: other servers, or clients."""
        return mx if self.is_mx else client


Rule = Callable[[Case], Verdict | None]


def quote(text: str | None) -> str:
    """Put evidence in quotation marks; it is escaped already."""
    return f'"{text}"' if text else "nothing"


def enumerate_shortly(words: tuple[str, ...]) -> str:
    """Join the first few words and say that there are more."""
    shown = ", ".join(words[:_MOST_SHOWN])
    return f"{shown} and {len(words) - _MOST_SHOWN} more" if len(words) > _MOST_SHOWN else shown or "nothing"
