"""Builds the parts of the scanner from its settings; the only place that knows them all."""

from dataclasses import dataclass

from scanner.config import Settings
from scanner.discovery import Planner
from scanner.network import Resolver, own_name
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.verdict import Policy


@dataclass(frozen=True, slots=True)
class Parts:
    """What scanning needs, built and ready."""

    planner: Planner
    prober: Prober


def build_parts(settings: Settings, former: tuple[Settings, Parts] | None = None) -> Parts:
    """Build the parts; where the resolver's settings stay the same, the `former` one stays with its cache.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """
    families = [int(family.value.removeprefix("ipv")) for family in settings.probe.families]
    if former is not None and _resolver_settings(former[0]) == _resolver_settings(settings):
        resolver = former[1].planner.resolver
        resolver.read_hosts()
    else:
        resolver = Resolver(settings.resolver.addresses, timeout=settings.resolver.timeout, families=families)
    planner = Planner(
        resolver=resolver,
        ports=settings.ports,
        families=families,
        allow_private=settings.probe.allow_private,
        vantage=settings.vantage,
    )
    prober = Prober(
        settings.probe,
        ehlo_name=settings.probe.ehlo_name or own_name(),
        tls=TlsClient(settings.probe.ca_file),
        policy=Policy(min_tls=settings.policy.min_tls),
        vantage=settings.vantage,
    )
    return Parts(planner, prober)


def _resolver_settings(settings: Settings) -> tuple[object, ...]:
    return settings.resolver, settings.probe.families
