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


def build_parts(settings: Settings) -> Parts:
    """Build the parts.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """
    families = [int(family.value.removeprefix("ipv")) for family in settings.probe.families]
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
