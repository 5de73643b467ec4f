"""What all sources together said about a domain, and what of it is followed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from scanner.discovery.mx import MxFound
from scanner.discovery.offer import Notice, Offer, Place, Trouble
from scanner.model import Reason, Service, Source, StsPolicy


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that the sources said about one domain."""

    domain: str
    mx: MxFound
    offers: tuple[Offer, ...] = ()
    """Of every source that was asked, in order of authority; that of the MX is the first."""
    policy: StsPolicy | None = None
    """The MTA-STS policy in force."""
    is_policy_lost: bool = False
    """Whether there may be a policy that could not be had just now."""
    policy_notice: Notice | None = None
    """Why a policy that the domain announces is not to be had."""

    @property
    def lookup_trouble(self) -> Trouble | None:
        """How the name servers failed, where they did: what is missing may then be there all the same."""
        for offer in self.offers:
            if _is_cut_off(offer):
                return offer.trouble
        return None

    @property
    def is_whole(self) -> bool:
        """Whether every source could tell; what one could not is asked for again soon."""
        return not self.is_policy_lost and all(offer.trouble is None for offer in self.offers)

    def supplemented_by(self, former: "Found") -> "Found":
        """Return the same, with what the sources that the name servers keep from us had said before.

        What a name server does not say any more is not known to be gone. All else is as it is now.
        """
        before = {offer.source: offer for offer in former.offers}
        offers = [
            replace(before[offer.source], trouble=offer.trouble)
            if _is_cut_off(offer) and offer.source in before
            else offer
            for offer in self.offers
        ]
        if _is_cut_off(self.mx.offer) and not self.mx.offer.places:
            # Nothing else was asked then.
            asked = {offer.source for offer in offers}
            offers += [offer for offer in former.offers if offer.source not in asked]
            return replace(former, offers=tuple(offers))
        return replace(self, offers=tuple(offers))

    @property
    def chosen(self) -> Iterator[tuple[Offer, Place]]:
        """Every server to probe with the offer it comes from: of each service, those of the first source."""
        settled: dict[Service, Offer] = {}
        for offer in self.offers:
            for service in offer.not_offered:
                settled.setdefault(service, offer)
            for place in offer.places:
                if settled.setdefault(place.service, offer) is offer:
                    yield offer, place

    @property
    def not_offered(self) -> Iterator[tuple[Offer, Service]]:
        """Every service that the domain itself says it does not have."""
        named = {place.service for _, place in self.chosen}
        for offer in self.offers:
            if offer.source in {Source.MX, Source.SRV}:
                yield from ((offer, service) for service in sorted(offer.not_offered - named))

    def disagreements(self) -> list[Notice]:
        """Tell where a source names other servers than the one that is followed."""
        followed: dict[Service, Offer] = {}
        notices = []
        for offer in self.offers:
            for service in Service:
                places = [place for place in offer.places if place.service is service]
                if not places or offer.source is Source.GUESS:
                    continue
                first = followed.setdefault(service, offer)
                if first is not offer:
                    notices += _compare(self.domain, service, first, offer)
        return notices


def _is_cut_off(offer: Offer) -> bool:
    """Tell whether name servers kept a source from us that is the DNS itself."""
    is_dns = offer.source in {Source.MX, Source.SRV, Source.GUESS}
    return is_dns and offer.trouble is not None and offer.trouble.reason is Reason.DNS_FAILURE


def _compare(domain: str, service: Service, first: Offer, other: Offer) -> list[Notice]:
    """Return a notice if two sources name no server in common."""
    ours = {(place.host, place.port) for place in first.places if place.service is service}
    theirs = {(place.host, place.port) for place in other.places if place.service is service}
    if ours & theirs:
        return []
    (host, port), (other_host, other_port) = min(ours), min(theirs)
    return [
        Notice(
            "sources_disagree",
            f"For {service.value} of {domain} the source {other.source.value} names "
            f"{other_host}:{other_port}, and {first.source.value} names {host}:{port}, which is followed.",
            "Correct the one that is out of date: clients that ask the other end up elsewhere.",
        )
    ]
