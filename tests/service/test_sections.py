"""Sections of a long list: what they wait for, what they tell in the end, and that few are open at once."""

from dataclasses import replace

from scanner.model import Endpoint, Observation, StartTls, State, TargetFinding
from scanner.service.aftermath import Aftermath
from scanner.service.sections import Section, Sections
from scanner.service.sharing import Sharing
from scanner.verdict import sight
from tests.service.test_aftermath import ALL
from tests.verdict.observations import healthy

MX, SUBMISSION = (replace(healthy(port), level=4) for port in (25, 587))
STRIPPED = replace(MX, tls=None, certificate=None, starttls=StartTls(offered=False), level=1)


def open_one(sections: Sections) -> Section:
    keys = (STRIPPED.endpoint.key, SUBMISSION.endpoint.key)
    return sections.open(Aftermath((), ALL, "here"), keys)


def fill(section: Section, *observations: Observation) -> None:
    for observation in observations:
        section.take(observation.endpoint.key, observation.state, sight(observation))


def test_a_section_tells_when_all_is_there() -> None:
    told: list[TargetFinding] = []
    sections = Sections(told.append)
    section = open_one(sections)
    fill(section, STRIPPED)
    sections.check(section)
    assert (told, section.is_open) == ([], True)
    fill(section, SUBMISSION)
    sections.check(section)
    assert [verdict.id for finding in told for verdict in finding.verdicts] == ["siblings_disagree"]
    assert not section.is_open
    sections.check(section)
    assert len(told) == 1


def test_what_is_ruled_out_is_not_waited_for() -> None:
    sections = Sections(lambda _: None)
    section = open_one(sections)
    fill(section, STRIPPED)
    section.rule_out(SUBMISSION.endpoint.key)
    sections.check(section)
    assert not section.is_open


def test_what_one_section_has_told_of_a_server_another_does_not_tell_again() -> None:
    told: list[TargetFinding] = []
    sections = Sections(told.append)
    for _ in range(3):
        section = open_one(sections)
        fill(section, STRIPPED, SUBMISSION)
        sections.check(section)
    assert len(told) == 1


def test_of_too_many_open_sections_the_oldest_tells_what_is_there_and_takes_late_results_in_silence() -> None:
    told: list[TargetFinding] = []
    sections = Sections(told.append, most_open=2)
    awaited = (STRIPPED.endpoint.key, SUBMISSION.endpoint.key, ("slow", "192.0.2.9", 25, "smtp", "starttls"))
    first = sections.open(Aftermath((), ALL, "here"), awaited)
    fill(first, STRIPPED, SUBMISSION)
    second, third = open_one(sections), open_one(sections)
    assert (first.is_open, second.is_open, third.is_open) == (False, True, True)
    assert len(told) == 1
    first.take(awaited[2], State.OPEN, None)
    sections.check(first)
    assert len(told) == 1


def shared(*domains: str) -> Endpoint:
    return replace(MX.endpoint, domains=domains)


def test_an_endpoint_is_probed_for_the_first_section_that_wants_it_and_told_for_all() -> None:
    sharing, sections = Sharing(), Sections(lambda _: None)
    one, two = open_one(sections), open_one(sections)
    first, second, third = shared("a.example"), shared("b.example"), shared("c.example")
    assert sharing.recall(first) is None
    assert sharing.claim(one, first)
    assert not sharing.claim(two, second)
    seen = replace(MX, endpoint=first)
    assert sharing.settle(seen, is_last=False) == [(one, first), (two, second)]
    assert sharing.recall(third) is seen
    assert sharing.settle(seen, is_last=False) == []


def test_what_asks_for_other_names_is_probed_by_itself_when_the_first_probe_is_over() -> None:
    sharing, sections = Sharing(), Sections(lambda _: None)
    section = open_one(sections)
    by_mx, by_srv = shared("a.example"), replace(shared("b.example"), source="srv")
    assert sharing.claim(section, by_mx)
    assert not sharing.claim(section, by_srv)
    assert sharing.settle(replace(MX, endpoint=by_mx), is_last=True) == [(section, by_mx)]
    assert sharing.recall(by_mx) is None  # nobody will ask any more
    assert sharing.next_of(MX.endpoint.key) is by_srv
    assert sharing.settle(replace(MX, endpoint=by_srv), is_last=True) == [(section, by_srv)]
    assert sharing.next_of(MX.endpoint.key) is None
    assert sharing.claim(section, by_mx)


def test_few_results_are_kept_the_longest_unused_go_first() -> None:
    sharing = Sharing(size=2)
    results = [replace(MX, endpoint=replace(MX.endpoint, host=f"mx{number}.example")) for number in range(3)]
    for result in results[:2]:
        sharing.settle(result, is_last=False)
    assert sharing.recall(results[0].endpoint) is results[0]
    sharing.settle(results[2], is_last=False)
    assert [sharing.recall(one.endpoint) for one in results] == [results[0], None, results[2]]
