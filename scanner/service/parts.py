"""Builds the parts of the scanner from its settings; the only place that knows them all."""

from collections.abc import Callable
from dataclasses import dataclass

from scanner.config import PolicySettings, Settings
from scanner.discovery import Catalogue, Discovery, MemoryCache, MtaSts, Planner
from scanner.discovery.plan import service_of
from scanner.model import PORTS, Service
from scanner.model.target import parse_target
from scanner.network import Resolver, WebClient, own_name
from scanner.probe import Prober
from scanner.probe.judgements import REMEMBERED
from scanner.protocol import TlsClient
from scanner.service.asking import Asker, Errand
from scanner.service.clues import Clues
from scanner.service.rounds import Manner, Rounds
from scanner.verdict import Policy
from scanner.verdict.remember import Patience
from scanner.verdict.rules import Override

JUDGEMENTS = 262_144
"""Judgements that a watch remembers: two for each of its endpoints."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What scanning needs, built and ready."""

    planner: Planner
    prober: Prober
    discovery: Discovery
    policy: Policy
    patience: Patience
    policies: MemoryCache
    """The MTA-STS policies that are kept."""

    async def close(self) -> None:
        """End what may still be under way for discovery."""
        await self.discovery.close()


def build_parts(
    settings: Settings,
    former: tuple[Settings, Parts] | None = None,
    *,
    is_fresh: bool = False,
    policies: MemoryCache | None = None,
    cached: int | None = None,
    make_prober: Callable[..., Prober] = Prober,
) -> Parts:
    """Build the parts; what is known of the DNS and of domains is taken over from the `former` ones.

    Where the resolver's settings stay the same, so does the resolver, which reads the hosts file and
    resolv.conf again. `is_fresh` asks anew for everything: what is known stands in for what fails.
    `policies` keeps MTA-STS policies where nothing is taken over; a new resolver keeps so many answers
    (`cached`) with records, and as many without. `make_prober` makes the prober.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """
    families = [int(family.value.removeprefix("ipv")) for family in settings.probe.families]
    patience = Patience(settings.policy.baseline_after, settings.policy.confirm_after)
    prober = build_prober(settings, make_prober, remembered=JUDGEMENTS if cached is None else REMEMBERED)
    catalogue = Catalogue(settings.catalogue)
    # Last: a reload that fails must not have changed the resolver in use.
    resolver = _take_over_resolver(settings, former)
    if resolver is None:
        resolver = build_resolver(settings, cached)
    web = WebClient(
        resolver,
        allow_private=settings.probe.allow_private,
        exclusion=settings.exclusion,
        ca_file=settings.probe.ca_file,
        families=families,
        timeout=settings.discovery.web_timeout,
    )
    if policies is None:
        policies = MemoryCache() if former is None else former[1].policies
    mta_sts = MtaSts(resolver, web, cache=policies)
    services = frozenset(service_of(PORTS[port].protocol, port) for port in settings.ports) - {Service.MX}
    discovery = Discovery(settings.discovery, resolver, web, catalogue, mta_sts, services)
    planner = Planner(
        resolver=resolver,
        ports=settings.ports,
        finder=discovery,
        families=families,
        allow_private=settings.probe.allow_private,
        exclusion=settings.exclusion,
        with_dane=settings.discovery.dane,
        vantage=settings.vantage,
    )
    resolver.exclude(settings.exclusion)
    if is_fresh:
        resolver.expire()
    if former is not None:
        is_current = not is_fresh and _say_the_same(settings, former[0])
        planner.take_over(former[1].planner, is_current=is_current)
    return Parts(planner, prober, discovery, build_policy(settings.policy), patience, policies)


def build_resolver(settings: Settings, cached: int | None = None) -> Resolver:
    """Build what looks names up; it keeps so many answers."""
    return Resolver(
        settings.resolver.addresses,
        timeout=settings.resolver.timeout,
        families=[int(family.value.removeprefix("ipv")) for family in settings.probe.families],
        trust_ad=settings.resolver.trust_ad,
        rate=settings.resolver.rate,
        cached=cached,
    )


def build_prober(
    settings: Settings, make_prober: Callable[..., Prober] = Prober, *, remembered: int = REMEMBERED
) -> Prober:
    """Build what makes connections; `make_prober` may have them made elsewhere.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """
    prober = make_prober(
        settings.probe,
        ehlo_name=settings.probe.ehlo_name or own_name(),
        tls=TlsClient(settings.probe.ca_file),
        policy=build_policy(settings.policy),
        vantage=settings.vantage,
        remembered=remembered,
    )
    prober.exclude(settings.exclusion)
    return prober


def build_rounds(
    settings: Settings,
    parts: Parts,
    clues: Clues,
    push: Callable[[Errand], None],
    manner: Manner | None = None,
) -> Rounds:
    """Build what asks the controls; `push` puts its connections into the pool, before all others."""
    asker = Asker(settings.controls, parts.prober, parts.planner.resolver, push, settings.exclusion)
    return Rounds(settings.controls, asker, clues, manner)


def build_policy(settings: PolicySettings) -> Policy:
    """Turn what the file asks of the targets into what the judge goes by."""
    overrides = (
        Override(parse_target(each.target), each.profile, each.min_tls) for each in settings.overrides
    )
    return Policy(settings.profile, settings.min_tls, overrides=tuple(overrides))


def _take_over_resolver(settings: Settings, former: tuple[Settings, Parts] | None) -> Resolver | None:
    """Return the resolver in use, brought up to date, where it is set as before."""
    if former is None or (former[0].resolver, former[0].probe.families) != (
        settings.resolver,
        settings.probe.families,
    ):
        return None
    resolver = former[1].planner.resolver
    resolver.read_hosts()
    resolver.read_system_servers()
    return resolver


def _say_the_same(settings: Settings, former: Settings) -> bool:
    """Tell whether the sources would say of a domain what they said before."""
    return (settings.resolver, settings.discovery, settings.catalogue, settings.probe, settings.ports) == (
        former.resolver,
        former.discovery,
        former.catalogue,
        former.probe,
        former.ports,
    )
