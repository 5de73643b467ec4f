"""What is known of the targets: guesses that have shown nothing are none of a domain's servers."""

from collections.abc import Iterable
from itertools import islice

import pytest

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


def do(steps: Iterable[None]) -> None:
    """Do all steps of something that is done in pieces."""
    for _ in steps:
        pass


def test_a_guess_that_has_shown_nothing_is_left_out_until_it_shows_something() -> None:
    roster = Roster()
    do(roster.plan([FACTS, OTHER]))
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
    do(roster.plan([FACTS]))
    assert roster.turns > before


@pytest.mark.parametrize("steps", range(4))
def test_results_that_come_late_outlast_the_plan_that_has_not_seen_them(steps: int) -> None:
    """They come in pieces, while a plan is taken over; one that is probed meanwhile shows what it has now."""
    roster = Roster()
    late = [healthy(25), healthy(587), healthy(993)]
    new = healthy(587)
    coming = roster.restore({seen.endpoint.key: seen for seen in late})
    do(roster.plan([FACTS]))
    do(islice(coming, steps))
    roster.keep(new)
    roster.let_go()
    do(coming)

    do(roster.plan([FACTS]))
    shown = [roster.renewed(seen.endpoint) for seen in late]
    roster.let_go()
    assert [seen is not None for seen in shown] == [True, False, True]
    assert roster.latest[new.endpoint.key] is new
    assert roster.probed == 1


def test_the_former_plan_holds_until_the_new_one_is_taken_over() -> None:
    roster = Roster()
    do(roster.plan([FACTS]))
    coming = roster.plan([OTHER])
    next(coming)
    assert (roster.facts, roster.facts_of("example.org"), roster.facts_of("example.net")) == (
        (FACTS,),
        FACTS,
        None,
    )
    do(coming)
    assert (roster.facts, roster.facts_of("example.org"), roster.facts_of("example.net")) == (
        (OTHER,),
        None,
        OTHER,
    )
