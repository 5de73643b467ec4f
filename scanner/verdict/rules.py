"""What every rule is given and may return: one observation, the policy and the moment of judging."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from scanner.model import (
    PORTS,
    Endpoint,
    Expectation,
    Observation,
    Protocol,
    Role,
    Severity,
    Standing,
    TlsMode,
    Verdict,
)
from scanner.model.target import Target
from scanner.verdict.profile_tables import DEFAULT, PROFILES, Grade, Mark, Profile
from scanner.verdict.tls_versions import TLS_VERSIONS

_MOST_SHOWN = 8
_NOTHING_EXPECTED = Expectation()


@dataclass(frozen=True, slots=True)
class Override:
    """What is asked of one target instead: a profile, the oldest version, or both.

    A profile brings its own oldest version with it.
    """

    target: Target
    """A domain or a host, all of whose ports are meant, or one port of a host."""
    profile: str | None = None
    min_tls: str | None = None

    def is_about(self, endpoint: Endpoint) -> bool:
        """Tell whether an endpoint belongs to the target."""
        target = self.target
        if target.port is None:
            return target.host == endpoint.host or target.host in endpoint.domains
        asked = (target.host, target.port, target.protocol, target.tls_mode)
        return asked == (endpoint.host, endpoint.port, endpoint.protocol, endpoint.tls_mode)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of a port: a profile, and how early an ending certificate is told (days).

    Raises:
        ValueError: a profile or a TLS version that does not exist, or a negative number of days.
    """

    profile: str = DEFAULT.name
    min_tls: str | None = None
    """The oldest TLS version; None = the profile's own."""
    certificate_warning_days: int = 21
    overrides: tuple[Override, ...] = ()
    """The first one that is about an endpoint counts."""
    _by_name: dict[str, list[tuple[int, Override, "Policy"]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    """The overrides by the name in their target, each with its place and what it comes to."""

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"profile: {self.profile!r} does not exist; use one of {', '.join(PROFILES)}")
        if self.min_tls is not None and self.min_tls not in TLS_VERSIONS:
            raise ValueError(
                f"min_tls: {self.min_tls!r} is no TLS version; use one of {', '.join(TLS_VERSIONS)}"
            )
        if self.certificate_warning_days < 0:
            raise ValueError(
                f"certificate_warning_days: {self.certificate_warning_days} is below 0; use 0 or more"
            )
        for place, override in enumerate(self.overrides):
            changed = self._changed_by(override)
            self._by_name.setdefault(override.target.host, []).append((place, override, changed))

    @property
    def table(self) -> Profile:
        """The profile itself."""
        return PROFILES[self.profile]

    @property
    def least_tls(self) -> str:
        """The oldest TLS version that is good enough."""
        return self.min_tls or self.table.min_tls

    def of(self, endpoint: Endpoint) -> "Policy":
        """Return what is asked of one endpoint, overrides considered."""
        if not self._by_name:
            return self
        names = dict.fromkeys((endpoint.host, *endpoint.domains))
        candidates = (each for name in names for each in self._by_name.get(name, ()))
        matching = [
            (place, changed) for place, override, changed in candidates if override.is_about(endpoint)
        ]
        return min(matching, key=lambda each: each[0])[1] if matching else self

    def _changed_by(self, override: Override) -> "Policy":
        inherited = self.min_tls if override.profile is None else None
        return Policy(
            override.profile or self.profile,
            override.min_tls or inherited,
            self.certificate_warning_days,
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

    @property
    def profile(self) -> Profile:
        """The profile that the endpoint is held against."""
        return self.policy.table

    def weigh(self, grade: Grade) -> Severity:
        """Turn what a profile says into a severity; it matters less where servers talk to the port."""
        if grade is Grade.FAIL:
            return self.grade(mx=Severity.WARNING, client=Severity.CRITICAL)
        return self.grade(mx=Severity.NOTICE, client=Severity.WARNING)

    def cite(self, mark: Mark) -> str:
        """Name the profile and its clause, as a sentence to be added; empty for the default profile."""
        if self.profile is DEFAULT or mark.grade is Grade.PASS:
            return ""
        forbids = "forbids" if mark.grade is Grade.FAIL else "advises against"
        return f" The profile {self.profile.name} {forbids} that ({mark.clause})."

    def tell(self, text: str, mark: Mark) -> str:
        """Make a sentence of evidence, with the profile's word on it behind."""
        return f"{text[0].upper()}{text[1:]}.{self.cite(mark)}"

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
