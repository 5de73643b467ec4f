"""Finds the server of an account whose settings name none, and refuses one that the DNS may have forged."""

import time
from collections.abc import Awaitable, Callable

from scanner.accounts.attempt import AccountFailure
from scanner.config.account_settings import Account
from scanner.config.account_values import AccountServer
from scanner.discovery import Catalogue
from scanner.discovery.found import Found
from scanner.discovery.offer import Offer, Place
from scanner.model.account import AccountReason, AccountTls, Activity
from scanner.model.ports import Preference, TlsMode
from scanner.model.published import Service, Source
from scanner.model.registrable import registrable_domain

Find = Callable[[str], Awaitable[Found]]
"""Asks all sources for the servers of a domain."""

_SERVICES = {
    Activity.SMTP: Service.SUBMISSION,
    Activity.IMAP: Service.IMAP,
    Activity.POP3: Service.POP3,
}
_SECURE = frozenset({465, 587, 993, 995})


class KeepingFinder:
    """Asks the sources for a domain's servers, and keeps what they say: every check wants to know it.

    Args:
        find: asks them.
        clock: seconds.
    """

    KEPT_SECONDS = 3600.0
    KEPT_WHILE_INCOMPLETE = 300.0
    """Where a source could not tell."""

    def __init__(self, find: Find, clock: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._clock = clock
        self._kept: dict[str, tuple[Found, float]] = {}

    async def __call__(self, domain: str) -> Found:
        """Return what is known of a domain, or ask."""
        found, until = self._kept.get(domain, (None, 0.0))
        if found is None or self._clock() >= until:
            found = await self._find(domain)
            seconds = self.KEPT_SECONDS if found.is_whole else self.KEPT_WHILE_INCOMPLETE
            self._kept[domain] = (found, self._clock() + seconds)
        return found


async def find_server(
    account: Account,
    activity: Activity,
    find: Find,
    catalogue: Catalogue,
    preference: Preference | None = None,
) -> AccountServer:
    """Return where an account signs in: what its settings say, else what is published for its domain.

    For sending, without a preference, a provider's own order counts, and 587 where there is none.

    Raises:
        AccountFailure: nothing is found, or nothing that a password may be sent to.
    """
    given = account.server(activity)
    if given is not None:
        return given
    domain = account.wanted_domain or ""
    found = await find(domain)
    service = _SERVICES[activity]
    places = [(offer, place) for offer, place in found.chosen if place.service is service]
    trusted = [place for offer, place in places if _is_trusted(offer, place, domain, catalogue)]
    if trusted:
        if preference is None and catalogue.by_host(trusted[0].host) is None:
            preference = Preference.STARTTLS
        place = min(trusted, key=lambda one: _rank(one, trusted, preference))
        return AccountServer(place.host, place.port, AccountTls(place.tls_mode.value))
    raise AccountFailure(AccountReason.NO_SERVER, _say_why(activity, domain, found, places))


def _is_trusted(offer: Offer, place: Place, domain: str, catalogue: Catalogue) -> bool:
    """Whether a password may be sent there: whoever forges the DNS can name a server with a good certificate.

    The catalogue cannot be forged, nor can a host of the domain itself have a certificate that verifies.
    """
    if offer.source in {Source.OPERATOR, Source.CATALOGUE} or catalogue.by_host(place.host) is not None:
        return True
    own = registrable_domain(domain)
    return place.host == domain or (own is not None and registrable_domain(place.host) == own)


def _rank(place: Place, places: list[Place], preference: Preference | None) -> tuple[bool, bool, int]:
    """Order the servers: the usual ports, then what is preferred, then the source's own order."""
    is_unwanted = False
    if preference is Preference.STARTTLS:
        is_unwanted = place.tls_mode is not TlsMode.STARTTLS
    elif preference is not None:
        is_unwanted = place.tls_mode is not TlsMode.IMPLICIT
    if place.service is not Service.SUBMISSION:
        is_unwanted = place.tls_mode is not TlsMode.IMPLICIT
    return place.port not in _SECURE, is_unwanted, places.index(place)


def _say_why(activity: Activity, domain: str, found: Found, places: list[tuple[Offer, Place]]) -> str:
    if places:
        offer, place = places[0]
        return (
            f"{offer.source.value} names {place.host}, which is not of {domain}; such a word can be forged, "
            f"so no password is sent there until you write {activity}: {place.host}:{place.port}"
        )
    trouble = found.lookup_trouble
    if trouble is not None:
        return f"the name servers did not answer for {domain}: {trouble.detail}"
    return f"nothing is published for {domain}; write {activity}: HOST:PORT"
