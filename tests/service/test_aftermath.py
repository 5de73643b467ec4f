"""What only all results together tell: domains that look parked or lack servers, siblings that disagree."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from scanner.model import PORTS, Reason, Service, Source, StartTls, State, TargetFinding
from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key
from scanner.model.record import to_record
from scanner.service.aftermath import Aftermath, find_aftermath
from scanner.verdict import sight
from tests.model.schema_check import check_records
from tests.verdict.observations import healthy

ALL = tuple(PORTS)


def key(port: int, host: str = "mx.test") -> Key:
    return (host, "192.0.2.1", port, PORTS[port].protocol, PORTS[port].tls_mode)


def member(service: Service, port: int) -> Membership:
    return Membership(service, key(port), Source.GUESS)


MX, SUBMISSION, IMAP, POP3 = (
    member(Service.MX, 25),
    member(Service.SUBMISSION, 587),
    member(Service.IMAP, 993),
    member(Service.POP3, 995),
)


def look(
    facts: DomainFacts, states: Mapping[Key, State], ports: tuple[int, ...] = ALL
) -> list[TargetFinding]:
    return list(find_aftermath([facts], states, ports, vantage="here"))


def told(facts: DomainFacts, states: Mapping[Key, State], ports: tuple[int, ...] = ALL) -> list[str]:
    found = look(facts, states, ports)
    return [one.verdicts[0].id if one.verdicts else str(one.reason) for one in found]


def test_a_domain_without_mx_where_nothing_answers_looks_parked() -> None:
    facts = DomainFacts("a.test", (MX, IMAP), is_implicit=True)
    assert told(facts, {MX.key: State.CLOSED, IMAP.key: State.BLOCKED}) == ["parked"]
    assert told(facts, {MX.key: State.CLOSED}) == ["parked"]  # a guess that was not proven does not count
    assert "parked" not in told(facts, {MX.key: State.CLOSED, IMAP.key: State.OPEN})


def test_a_domain_with_an_mx_is_never_called_parked() -> None:
    assert "parked" not in told(DomainFacts("a.test", (MX,)), {MX.key: State.CLOSED})


def test_services_without_a_server_are_told_together() -> None:
    (finding,) = look(DomainFacts("a.test", (MX, IMAP)), {MX.key: State.OPEN})
    assert finding.verdicts[0].summary == "No server of a.test was found for submission and IMAP and POP3."
    assert (finding.reason, finding.vantage, finding.domain) == (None, "here", "a.test")


def test_a_lack_of_pop3_alone_is_no_news() -> None:
    facts = DomainFacts("a.test", (MX, SUBMISSION, IMAP))
    assert told(facts, {MX.key: State.OPEN, SUBMISSION.key: State.OPEN, IMAP.key: State.OPEN}) == []


@pytest.mark.parametrize("ports", [(25,), (25, 995)])
def test_what_was_not_asked_for_is_not_missing(ports: tuple[int, ...]) -> None:
    assert told(DomainFacts("a.test", (MX,)), {MX.key: State.OPEN}, ports) == []


def test_what_is_refused_is_not_missing() -> None:
    facts = DomainFacts("a.test", (MX,), refused=frozenset({Service.SUBMISSION, Service.IMAP, Service.POP3}))
    assert told(facts, {MX.key: State.OPEN}) == []


def test_a_domain_of_which_no_guess_is_proven_has_no_server() -> None:
    (finding,) = look(DomainFacts("a.test", (SUBMISSION, IMAP)), {})
    assert finding.reason is Reason.NO_ADDRESS
    assert finding.state is State.UNREACHABLE
    assert look(DomainFacts("a.test", ()), {}) == []  # why there is nothing has been told before


def test_a_host_that_the_operator_named_lacks_nothing() -> None:
    assert told(DomainFacts("mx.test", (MX,), is_domain=False), {MX.key: State.OPEN}) == []


def test_endpoints_that_disagree_are_lines_about_their_hosts() -> None:
    mx, submission = (replace(healthy(port), level=4) for port in (25, 587))
    mx = replace(mx, tls=None, certificate=None, starttls=StartTls(offered=False), level=1)
    aftermath = Aftermath((), ALL, "here")
    for observation in (mx, submission):
        aftermath.note(observation.endpoint.key, observation.state, sight(observation))
    (finding,) = aftermath.find()
    assert (finding.domain, finding.host, finding.vantage) == ("example.org", "mail.example.org", "here")
    assert [verdict.id for verdict in finding.verdicts] == ["siblings_disagree"]
    check_records([to_record(finding)])
