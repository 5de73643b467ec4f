"""The source of inference: the provider that the MX hosts belong to; of low trust, and labelled so."""

from collections.abc import Sequence
from dataclasses import replace

from scanner.config.discovery_settings import DiscoverySettings
from scanner.discovery.autoconfig import find_autoconfig
from scanner.discovery.catalogue import Catalogue
from scanner.discovery.ispdb import find_ispdb
from scanner.discovery.offer import Offer
from scanner.model import Source
from scanner.model.registrable import registrable_domain
from scanner.network.web import WebClient

# Filters in front of somebody else's mail servers: what they publish says nothing about those.
FILTERS = (
    "pphosted.com", "ppe-hosted.com", "gpphosted.com", "mimecast.com", "mimecast.co.za",
    "mimecast-offshore.com", "barracudanetworks.com", "messagelabs.com", "iphmx.com", "trendmicro.com",
    "trendmicro.eu", "sophos.com", "mailcontrol.com", "forcepoint.com", "hornetsecurity.com",
    "antispameurope.com", "retarus.com", "spamexperts.com", "antispamcloud.com", "mxthunder.net",
    "mailspamprotection.com", "cloudflare.net",
)  # fmt: skip


async def find_inferred(
    domain: str, mx_hosts: Sequence[str], catalogue: Catalogue, web: WebClient, settings: DiscoverySettings
) -> Offer | None:
    """Return what the provider that the MX hosts belong to offers its customers; nothing for filters.

    By the catalogue, else by what the provider's own domain publishes for mail programs, else by the ISPDB.
    """
    for host in mx_hosts:
        provider = catalogue.by_mx(host)
        if provider is not None:
            return replace(catalogue.offer(provider), source=Source.INFERRED)
    if not mx_hosts or is_filter(mx_hosts[0]):
        return None
    for parent in parents_of(mx_hosts[0]):
        if parent == domain:
            continue  # asked for itself already
        offers = []
        if settings.autoconfig:
            secure = [url for url in settings.autoconfig_urls if url.startswith("https://")]
            offers.append(await find_autoconfig(parent, web, secure))
        if settings.ispdb:
            offers.append(await find_ispdb(parent, web, settings.ispdb_url))
        for offer in offers:
            if offer.places:
                return replace(offer, source=Source.INFERRED)
    return None


def is_filter(host: str) -> bool:
    """Tell whether an MX host belongs to a filter service."""
    return any(host == name or host.endswith(f".{name}") for name in FILTERS)


def parents_of(host: str) -> tuple[str, ...]:
    """Return the domains to ask about an MX host: all but its first label, then its registrable domain."""
    registrable = registrable_domain(host)
    if registrable is None or registrable == host:
        return () if registrable is None else (host,)
    return tuple(dict.fromkeys((host.partition(".")[2], registrable)))
