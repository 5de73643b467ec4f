"""The settings: frozen values with the names that the configuration file uses. All times are in seconds."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    InstanceOf,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from scanner.config import values
from scanner.config.account_settings import Accounts
from scanner.config.catalogue import Providers
from scanner.config.catalogue_values import LIST_OR_NOTHING
from scanner.config.cluster_settings import ClusterSettings
from scanner.config.controls import ControlSettings
from scanner.config.discovery_settings import DiscoverySettings
from scanner.config.event_settings import EventSettings
from scanner.config.mask import write_masked
from scanner.config.metrics_settings import MetricsSettings
from scanner.config.preference import read_preference
from scanner.config.section import Section as _Section
from scanner.config.shard_settings import ShardSettings
from scanner.config.store_settings import StoreSettings
from scanner.config.tls_modes import refuse_two_modes
from scanner.config.web_settings import WebSettings
from scanner.model.exclusion import Exclusion, build_exclusion
from scanner.model.ports import PORTS, Preference
from scanner.model.target import Target

Time = Annotated[float, BeforeValidator(values.duration())]
"""Seconds, more than 0; in the file also text such as "15m"."""

PROFILES = ("default", "ncsc", "mozilla-intermediate", "mozilla-modern", "pci")
"""The policy profiles, under the names that the verdicts know; the first is the default."""


class Family(StrEnum):
    """An address family to probe."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class ProbeSettings(_Section):
    """How one endpoint is probed."""

    timeout: Time | None = None
    """Caps connect and every single read, the greeting too; None = the limits below stand alone."""
    connect_timeout: Time = 10.0
    greeting_timeout: Time | None = None
    """None = 30 on port 25, where servers greet late on purpose, and 15 elsewhere."""
    total_timeout: Time = 60.0
    """Caps the whole probe."""
    ehlo_name: Annotated[str, BeforeValidator(values.read_ehlo_name)] | None = None
    """The name we give; None = the service takes this machine's."""
    families: Annotated[tuple[Family, ...], BeforeValidator(values.list_of(values.one_of(*Family)))] = (
        Family.IPV4,
        Family.IPV6,
    )
    source_address: (
        Annotated[str, BeforeValidator(values.read_source_address), AfterValidator(values.check_family)]
        | None
    ) = None
    """The address of ours to connect from, for targets of its family; None = the system's choice."""
    allow_private: Annotated[bool, BeforeValidator(values.read_switch)] = False
    ca_file: Annotated[Path, BeforeValidator(values.read_ca_file)] | None = None
    """PEM certificates to trust; None = the system's."""
    versions_interval: Time | None = 86400.0
    """How often the TLS versions that a server accepts are listed; None = never."""
    versions_gap: Annotated[float, BeforeValidator(values.duration(at_least=0.0))] = 600.0
    """The least time between two such connections to an address while serving. After STARTTLS they cannot end
    with QUIT, and programs that count such connections ban whoever makes them."""
    groups: Annotated[bool, BeforeValidator(values.read_switch)] = False
    """List the key exchange groups with them: two connections more."""

    @property
    def connect_seconds(self) -> float:
        """How long to wait for a connection."""
        return self._cap(self.connect_timeout)

    @property
    def read_seconds(self) -> float:
        """How long to wait for any one reply after the greeting, and for any one step of TLS."""
        return self._cap(10.0)

    def greeting_seconds(self, port: int) -> float:
        """How long to wait for the greeting on a port."""
        return self._cap(self.greeting_timeout or (30.0 if port == 25 else 15.0))

    def _cap(self, seconds: float) -> float:
        return seconds if self.timeout is None else min(seconds, self.timeout)


class ScheduleSettings(_Section):
    """When endpoints are probed again."""

    interval: Annotated[float, BeforeValidator(values.duration(at_least=1.0))] = 900.0
    jitter: Annotated[float, BeforeValidator(values.number(0, 0.5))] = 0.1
    """How far each wait may differ from the interval, as a share of it."""
    unreachable_interval: Time | None = None
    """The interval where nothing comes back; None = no longer than others, and never shorter."""


class LimitSettings(_Section):
    """How much is done at once."""

    concurrency: Annotated[int, BeforeValidator(values.whole_number(1, 100_000))] = 50
    """Connections open at once, over all targets."""
    rate: Annotated[float, BeforeValidator(values.number(0))] = 10.0
    """Connections started a second, over all targets; 0 = as many as there are."""
    per_address: Annotated[int, BeforeValidator(values.whole_number(1, 1000))] = 1
    """Connections open at once to one address."""
    per_address_gap: Annotated[float, BeforeValidator(values.duration(at_least=0.0))] = 1.0
    """Wait between the end of one connection to an address and the next."""


class ResolverSettings(_Section):
    """Whom to ask for names."""

    servers: Annotated[
        tuple[str, ...], BeforeValidator(values.list_of(values.read_nameserver, may_be_empty=True))
    ] = ()
    """IP:PORT or [IPv6]:PORT each; none = the system's resolvers."""
    timeout: Time = 5.0
    rate: Annotated[float, BeforeValidator(values.number(0))] = 0.0
    """Questions a second to each of them; 0 = as many as there are."""
    trust_ad: Annotated[bool | None, BeforeValidator(values.optional(values.read_switch))] = None
    """Whether the resolvers' word that an answer is DNSSEC-secure counts; None = only of loopback ones."""

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """The servers as pairs of address and port."""
        return tuple((host, port or 53) for host, port in map(values.split_host_port, self.servers))


_OldestTls = Annotated[
    Literal["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"] | None,
    BeforeValidator(values.optional(values.one_of("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"))),
]


class PolicyOverride(_Section):
    """What is expected of one target instead: a profile, with its oldest version, or a version alone."""

    target: Annotated[str, BeforeValidator(values.read_target)]
    """A domain, a host, or a host and port, as under `targets`."""
    profile: Annotated[str | None, BeforeValidator(values.optional(values.one_of(*PROFILES)))] = None
    min_tls: _OldestTls = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.profile is None and self.min_tls is None:
            raise ValueError("says nothing; add a profile or min_tls")
        return self


def _check_overrides(overrides: tuple[PolicyOverride, ...]) -> tuple[PolicyOverride, ...]:
    """Refuse two overrides for one target, each in its place."""
    first: dict[str, int] = {}
    doubles = [
        (index, override.target)
        for index, override in enumerate(overrides)
        if first.setdefault(override.target, index) != index
    ]
    if doubles:
        problems = [
            InitErrorDetails(
                type=PydanticCustomError("list_item", "{why}", {"why": f"{target} is twice here; keep one"}),
                loc=(index, "target"),
                input=target,
            )
            for index, target in doubles
        ]
        raise ValidationError.from_exception_data("overrides", problems)
    return overrides


class PolicySettings(_Section):
    """What is expected of the targets."""

    profile: Annotated[str, BeforeValidator(values.one_of(*PROFILES))] = PROFILES[0]
    min_tls: _OldestTls = None
    """The oldest version that is good enough; None = the profile's own."""
    baseline_after: Annotated[int, BeforeValidator(values.whole_number(1, 100))] = 3
    """Successes in a row that make a baseline."""
    confirm_after: Annotated[int, BeforeValidator(values.whole_number(1, 20))] = 2
    """Bad probes, of one more, that confirm a loss."""
    submission_preference: Annotated[Preference, BeforeValidator(read_preference)] | None = None
    """None = as the provider orders its ports, and 587 where it says nothing."""
    overrides: Annotated[
        tuple[PolicyOverride, ...],
        LIST_OR_NOTHING,
        AfterValidator(_check_overrides),
    ] = ()
    """For single targets; the first that is about an endpoint counts."""


class Settings(_Section):
    """Everything that an operator can set."""

    targets: Annotated[tuple[InstanceOf[Target], ...], AfterValidator(refuse_two_modes)] = ()
    target_file: InstanceOf[Path] | None = None
    """The file that the targets were read from, to be watched; in YAML `targets: {file: PATH}`."""
    exclude: tuple[str, ...] = ()
    """Domains, hosts, addresses and networks that are neither looked up nor connected to, each in its one
    spelling (`read_exclusion`)."""
    exclude_file: InstanceOf[Path] | None = None
    """The file that they were read from; in YAML `exclude: {file: PATH}`."""
    ports: Annotated[tuple[int, ...], BeforeValidator(values.list_of(values.read_port))] = tuple(PORTS)
    """The ports of targets that name none."""
    probe: ProbeSettings = ProbeSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    limits: LimitSettings = LimitSettings()
    resolver: ResolverSettings = ResolverSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    policy: PolicySettings = PolicySettings()
    controls: ControlSettings = ControlSettings()
    """How it is told whether our own network is at fault."""
    catalogue: Providers = ()
    """Providers of the operator's own, and changes of built-in ones."""
    store: StoreSettings = StoreSettings()
    events: EventSettings = EventSettings()
    """Whom to tell of changes, beside the log."""
    vantage: Annotated[str, BeforeValidator(values.read_vantage)] = "default"
    """The name of the place that we look from."""
    metrics: MetricsSettings = MetricsSettings()
    web: WebSettings = WebSettings()
    accounts: Accounts = ()
    """The operator's own, with which signing in is tried."""
    shards: ShardSettings = ShardSettings()
    cluster: ClusterSettings = ClusterSettings()

    @property
    def exclusion(self) -> Exclusion:
        """The exclude list, ready to be asked."""
        return build_exclusion(self.exclude)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files beside the configuration that these settings hang on: read again when they change."""
        named = (self.target_file, self.exclude_file, self.probe.ca_file)
        return tuple(path for path in named if path is not None)

    def masked(self) -> str:
        """The settings in force as YAML, with every secret masked."""
        return write_masked(self.as_document())

    def as_document(self) -> dict[str, object]:
        """The settings as plain values under the file's keys; `parse_settings` reads them back."""
        document = self.model_dump(mode="json", exclude={"targets", "target_file", "exclude", "exclude_file"})
        targets: object = [str(target) for target in self.targets]
        if self.target_file is not None:
            targets = {"file": str(self.target_file)}
        excluded: object = list(self.exclude)
        if self.exclude_file is not None:
            excluded = {"file": str(self.exclude_file)}
        return {"targets": targets, "exclude": excluded, **document}


def default_settings(targets: Sequence[Target]) -> Settings:
    """Make the settings of a scan without a file: the defaults and these targets, each once."""
    return Settings(targets=tuple(dict.fromkeys(targets)))
