"""Finds the servers of a domain: asks the sources in order of authority until every service has some."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from scanner.config.discovery_settings import DiscoverySettings
from scanner.discovery.autoconfig import find_autoconfig
from scanner.discovery.autodiscover import find_autodiscover
from scanner.discovery.catalogue import Catalogue
from scanner.discovery.found import Found
from scanner.discovery.guess import find_guesses
from scanner.discovery.inferred import find_inferred
from scanner.discovery.ispdb import find_ispdb
from scanner.discovery.mta_sts import MtaSts, StsStatus
from scanner.discovery.mx import MxFound, find_mx
from scanner.discovery.offer import Notice, Offer, Place
from scanner.discovery.srv import find_srv
from scanner.model import Expectation, Service, Source, StsPolicy
from scanner.network import Resolver
from scanner.network.web import WebClient

WEB_PATIENCE = 2
"""How many times the time of one request all web sources of a domain may take together."""
CLIENT_SERVICES = (Service.SUBMISSION, Service.IMAP, Service.POP3)


@dataclass(frozen=True, slots=True)
class Discovery:
    """Asks all sources that are switched on."""

    settings: DiscoverySettings
    resolver: Resolver
    web: WebClient
    catalogue: Catalogue
    mta_sts: MtaSts
    services: frozenset[Service] = frozenset(CLIENT_SERVICES)
    """What is looked for beside the MX."""

    async def close(self) -> None:
        """End all requests to the web."""
        await self.web.close()

    async def find(self, domain: str) -> Found:
        """Find the servers of a domain; failures of sources are in the answer, none is raised."""
        search = _Search(domain, missing=set(self.services))
        mx = MxFound(Offer(Source.MX))
        if self.settings.mx:
            mx = await find_mx(domain, self.resolver)
        if not mx.exists or mx.is_null:
            return Found(domain, mx, (mx.offer,))
        if self.settings.catalogue:
            search.take(self.catalogue.find(domain))
        if mx.offer.trouble is not None and not mx.offer.places:
            # The name servers fail: everything else hangs on them too.
            return Found(domain, mx, (mx.offer, *search.offers))
        srv, sts = await asyncio.gather(self._find_srv(domain), self._find_policy(domain))
        search.take(srv)
        with suppress(TimeoutError):
            # A slow web server keeps nobody from its mail server for long.
            async with asyncio.timeout(self.settings.web_timeout * WEB_PATIENCE):
                await self._search_web(search, mx)
        if self.settings.guess and search.missing:
            is_host = mx.is_implicit
            search.take(await find_guesses(domain, search.missing, self.resolver, is_host=is_host))
        policy, notice, is_lost = sts
        return Found(domain, mx, (mx.offer, *search.offers), policy, is_lost, notice)

    def expect(self, place: Place, provider: str | None) -> Expectation | None:
        """Return what the provider that a server belongs to declares about it."""
        if not self.settings.catalogue:
            return None
        return self.catalogue.expectation(place.host, place.port, place.service, provider)

    async def _search_web(self, search: "_Search", mx: MxFound) -> None:
        """Ask the sources of lower authority, while a service has no server or if all are to be compared."""
        settings, domain = self.settings, search.domain

        def is_asked(source: Source) -> bool:
            return settings.is_on(source) and bool(search.missing or (settings.cross_check and self.services))

        asked = []
        if is_asked(Source.AUTOCONFIG):
            asked.append(find_autoconfig(domain, self.web, settings.autoconfig_urls))
        if is_asked(Source.ISPDB):
            asked.append(find_ispdb(domain, self.web, settings.ispdb_url))
        for offer in await asyncio.gather(*asked):
            search.take(offer)
        if is_asked(Source.INFERRED) and not mx.is_implicit:
            hosts = [place.host for place in mx.offer.places]
            search.take(await find_inferred(domain, hosts, self.catalogue, self.web, settings))
        if is_asked(Source.AUTODISCOVER):
            search.take(await find_autodiscover(domain, self.web, settings.autodiscover_urls))

    async def _find_srv(self, domain: str) -> Offer | None:
        return await find_srv(domain, self.resolver) if self.settings.srv and self.services else None

    async def _find_policy(self, domain: str) -> tuple[StsPolicy | None, Notice | None, bool]:
        """Return the policy, what there is to tell, and whether one may be there that was not to be had."""
        if not self.settings.mta_sts:
            return None, None, False
        looked_up = await self.mta_sts.look_up(domain)
        is_lost = looked_up.status is StsStatus.FAILED or looked_up.is_cached
        return looked_up.policy, looked_up.notice, is_lost


@dataclass(slots=True)
class _Search:
    """What is found so far, and which services still have no server."""

    domain: str
    missing: set[Service]
    offers: list[Offer] = field(default_factory=list)

    def take(self, offer: Offer | None) -> None:
        if offer is not None:
            self.offers.append(offer)
            self.missing -= {place.service for place in offer.places} | offer.not_offered
