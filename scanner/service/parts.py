"""Builds the parts of the scanner from its settings; the only place that knows them all."""

from dataclasses import dataclass

from scanner.config import Settings
from scanner.discovery import Catalogue, Discovery, MemoryCache, MtaSts, Planner
from scanner.network import Resolver, WebClient, own_name
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.verdict import Policy


@dataclass(frozen=True, slots=True)
class Parts:
    """What scanning needs, built and ready."""

    planner: Planner
    prober: Prober
    discovery: Discovery
    policies: MemoryCache
    """The MTA-STS policies that are kept."""

    async def close(self) -> None:
        """End what may still be under way for discovery."""
        await self.discovery.close()


def build_parts(settings: Settings, former: tuple[Settings, Parts] | None = None) -> Parts:
    """Build the parts; what is known of the DNS and of domains is taken over from the `former` ones.

    Where the resolver's settings stay the same, so does the resolver, which reads the hosts file and
    resolv.conf again.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """
    families = [int(family.value.removeprefix("ipv")) for family in settings.probe.families]
    prober = Prober(
        settings.probe,
        ehlo_name=settings.probe.ehlo_name or own_name(),
        tls=TlsClient(settings.probe.ca_file),
        policy=Policy(min_tls=settings.policy.min_tls),
        vantage=settings.vantage,
    )
    catalogue = Catalogue(settings.catalogue)
    # Last: a reload that fails must not have changed the resolver in use.
    resolver = _take_over_resolver(settings, former)
    if resolver is None:
        resolver = Resolver(
            settings.resolver.addresses,
            timeout=settings.resolver.timeout,
            families=families,
            trust_ad=settings.resolver.trust_ad,
        )
    web = WebClient(
        resolver,
        allow_private=settings.probe.allow_private,
        ca_file=settings.probe.ca_file,
        families=families,
        timeout=settings.discovery.web_timeout,
    )
    policies = MemoryCache() if former is None else former[1].policies
    mta_sts = MtaSts(resolver, web, cache=policies)
    discovery = Discovery(settings.discovery, resolver, web, catalogue, mta_sts)
    planner = Planner(
        resolver=resolver,
        ports=settings.ports,
        finder=discovery,
        families=families,
        allow_private=settings.probe.allow_private,
        with_dane=settings.discovery.dane,
        vantage=settings.vantage,
    )
    if former is not None:
        planner.take_over(former[1].planner, is_current=_say_the_same(settings, former[0]))
    return Parts(planner, prober, discovery, policies)


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
    return (settings.resolver, settings.discovery, settings.catalogue, settings.probe) == (
        former.resolver,
        former.discovery,
        former.catalogue,
        former.probe,
    )
