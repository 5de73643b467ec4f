"""What is known of the targets: guesses that have shown nothing are none of a domain's servers."""

from scanner.model import Protocol, Service, Source, TlsMode
from scanner.model.domain import DomainFacts, Membership
from scanner.service.roster import Roster
from tests.verdict.observations import healthy

PROVEN = Membership(
    Service.MX, ("mx.example.org", "192.0.2.7", 25, Protocol.SMTP, TlsMode.STARTTLS), Source.MX
)
GUESS = Membership(
    Service.IMAP, ("imap.example.org", "192.0.2.7", 993, Protocol.IMAP, TlsMode.IMPLICIT), Source.GUESS
)
FACTS = DomainFacts("example.org", (PROVEN, GUESS))
OTHER = DomainFacts("example.net", (PROVEN,))


def test_a_guess_that_has_shown_nothing_is_left_out_until_it_shows_something() -> None:
    roster = Roster()
    roster.plan([FACTS, OTHER])
    assert list(roster.facts_in_force()) == [FACTS, OTHER]

    roster.ruled_out.add(GUESS.key)
    first, second = roster.facts_in_force()
    assert first.members == (PROVEN,)
    assert second is OTHER
    assert roster.facts_of("example.org") == first
    assert roster.facts_of("example.com") is None

    roster.ruled_out.discard(GUESS.key)
    assert roster.facts_of("example.org") is FACTS


def test_it_is_told_that_an_endpoint_took_the_place_of_another() -> None:
    """As many as before, and nothing planned anew: a host that moved is followed all the same."""
    roster = Roster()
    roster.keep(healthy(25))
    before = roster.turns
    roster.keep(healthy(25))
    assert roster.turns == before
    roster.keep(healthy(465))
    roster.forget(healthy(25).endpoint.key)
    assert len(roster.latest) == 1
    assert roster.turns > before
    before = roster.turns
    roster.plan([FACTS])
    assert roster.turns > before
