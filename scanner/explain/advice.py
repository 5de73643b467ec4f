"""Puts advice together: what to enter in a mail program or an application, from measured data alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from scanner.config.catalogue import Provider
from scanner.config.catalogue_values import CLIENT_SERVICES
from scanner.model import Observation, Service
from scanner.model.domain import DomainFacts
from scanner.model.observation import Key
from scanner.model.ports import Preference
from scanner.model.published import UserName
from scanner.verdict.credentials import Credential, Purpose, choose_credential
from scanner.verdict.recommendation import Choice, Taste, Way, choose, find_recommended

POP3_CAUTION = (
    "POP3 fetches mail to one device, often deletes it on the server, and does not synchronise: "
    "for one device that keeps its mail itself. For several devices use IMAP."
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of the advice."""

    purpose: Purpose = Purpose.CLIENT
    devices: int | None = None
    """How many devices read the mailbox; None = not said."""
    is_local: bool = False
    """Whether mail shall be kept on the device, or the mailbox has little room."""

    @property
    def prefers_pop3(self) -> bool:
        """Whether POP3 fits better than IMAP: one device that keeps its mail itself."""
        return self.devices == 1 and self.is_local


@dataclass(frozen=True, slots=True)
class Setup:
    """What to use for one service, and what to sign in with."""

    choice: Choice
    credential: Credential | None
    """None where nothing is recommended."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Everything to enter, and what could not be recommended."""

    domain: str
    wish: Wish
    provider: Provider | None
    taste: Taste
    services: Mapping[Service, Setup]
    """In the order of use: sending, then reading as it fits the wish."""
    user_name: UserName
    is_user_name_known: bool
    """Whether the provider says so; else it is what most servers take."""
    is_met: bool | None
    """What `mailport_domain_recommended` says; None where not all is probed, or nothing is for clients."""

    @property
    def reading(self) -> Service:
        """What to read mail with."""
        return Service.POP3 if self.wish.prefers_pop3 else Service.IMAP

    @property
    def wanted(self) -> tuple[Service, ...]:
        """The services that the wish cannot do without."""
        return (Service.SUBMISSION, self.reading) if self.wish.purpose.reads else (Service.SUBMISSION,)

    @property
    def is_complete(self) -> bool:
        """Whether there is something to recommend for all that is wanted."""
        return all(self.services[service].choice.way is not None for service in self.wanted)

    @property
    def caution(self) -> str | None:
        """What to know of POP3, wherever it is recommended."""
        pop3 = self.services.get(Service.POP3)
        return POP3_CAUTION if pop3 is not None and pop3.choice.way is not None else None


def advise(
    facts: DomainFacts,
    latest: Mapping[Key, Observation],
    provider: Provider | None,
    wish: Wish,
    preference: Preference | None = None,
) -> Advice:
    """Tell what to use for a domain; what was not measured is never recommended.

    Args:
        facts: what discovery knows of the domain.
        latest: the last judged observation of each endpoint that there is one of.
        provider: whose servers they are, if the catalogue knows.
        preference: the operator's word on the port for sending.
    """
    taste = Taste(preference, _order_of(provider))
    services: dict[Service, Setup] = {}
    for service in _order_services(wish):
        choice = choose(service, facts.members, latest, taste, refused=facts.refused, lost=facts.lost)
        services[service] = Setup(choice, _credential_for(choice.way, provider, wish.purpose))
    login = None if provider is None else provider.login
    named = None if login is None else login.username
    return Advice(
        facts.domain,
        wish,
        provider,
        taste,
        services,
        named or UserName.FULL_ADDRESS,
        named is not None,
        find_recommended(facts, latest.get),
    )


def _order_services(wish: Wish) -> tuple[Service, ...]:
    reading = (Service.POP3, Service.IMAP) if wish.prefers_pop3 else (Service.IMAP, Service.POP3)
    return (Service.SUBMISSION, *reading)


def _order_of(provider: Provider | None) -> tuple[tuple[str, int], ...]:
    if provider is None:
        return ()
    return tuple(
        (server.host, server.port) for service in CLIENT_SERVICES for server in provider.servers(service)
    )


def _credential_for(way: Way | None, provider: Provider | None, purpose: Purpose) -> Credential | None:
    if way is None:
        return None
    said = () if provider is None else provider.ways_to_sign_in
    return choose_credential(way.best.auth_after_tls, said, purpose)
