"""What several vantages see of one port: the target, the way from one place, or somebody on that way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Kind, Observation, Reason, Severity, StandingVerdict, StartTls, State
from scanner.model.event import EventKind
from scanner.verdict.level import is_blocked, is_downgraded
from scanner.verdict.vantage_incidents import Difference, find_vantage_incidents
from scanner.verdict.vantages import FROM_ONE_PLACE, Word, compare, is_odd
from tests.verdict.history import History, learnt
from tests.verdict.observations import NOW, ended, healthy, in_clear, judged, with_certificate

SILENT = ended(25, reason=Reason.CONNECT_TIMEOUT)
REFUSED = ended(25, reason=Reason.CONNECTION_REFUSED)
REJECTED = ended(25, reason=Reason.GREETING_REJECTED, detail="554 go away", banner="554 go away")
OURS = ended(25, reason=Reason.EGRESS_BLOCKED)
GOOD = healthy(25)
STRIPPED = in_clear(25, StartTls(offered=False))
FORGED = with_certificate(
    25, trusted=False, problems=("untrusted",), trust_fault="unknown_ca", fingerprint_sha256="cd" * 32
)


def at(vantage: str, seen: Observation) -> Observation:
    return judged(replace(seen, vantage=vantage))


def held(seen: Observation, *others: Observation) -> tuple[Word, Reason | None]:
    found = compare(at("a", seen), [at(name, each) for name, each in zip("bcd", others, strict=False)])
    return found.word, found.observation.reason


@pytest.mark.parametrize(
    ("seen", "others", "word"),
    [
        (GOOD, [SILENT, SILENT], Word.SOUND),
        (SILENT, [], Word.UNTOLD),
        (SILENT, [OURS], Word.UNTOLD),
        (SILENT, [GOOD], Word.PATH),
        (SILENT, [SILENT, GOOD], Word.PATH),
        (SILENT, [OURS, GOOD], Word.PATH),
        (SILENT, [SILENT, SILENT], Word.EVERYWHERE),
        (SILENT, [OURS, REFUSED], Word.EVERYWHERE),
        (REFUSED, [GOOD], Word.PATH),
        (REJECTED, [GOOD], Word.PATH),
        (REJECTED, [REJECTED], Word.EVERYWHERE),
        (SILENT, [REJECTED], Word.PATH),
        (REJECTED, [SILENT], Word.EVERYWHERE),
        (ended(25, reason=Reason.WRONG_PROTOCOL), [GOOD], Word.PATH),
        (ended(993, reason=Reason.TLS_CLOSED), [healthy(993)], Word.PATH),
        (ended(25, reason=Reason.GREETING_TEMPFAIL), [GOOD], Word.SOUND),
        (STRIPPED, [GOOD], Word.CHANGED),
        (STRIPPED, [STRIPPED, GOOD], Word.CHANGED),
        (STRIPPED, [STRIPPED], Word.EVERYWHERE),
        (STRIPPED, [SILENT], Word.UNTOLD),
        (FORGED, [GOOD], Word.CHANGED),
        (FORGED, [FORGED], Word.EVERYWHERE),
        (FORGED, [STRIPPED], Word.UNTOLD),
        (with_certificate(25, problems=("expired",)), [GOOD], Word.SOUND),
    ],
)
def test_what_a_vantage_sees_is_held_against_the_others(
    seen: Observation, others: list[Observation], word: Word
) -> None:
    found, reason = held(seen, *others)
    assert found is word
    assert (reason is Reason.TARGET_BLOCKS_US) == (word is Word.PATH)


def test_a_path_names_the_vantage_and_who_gets_through() -> None:
    found = compare(at("oslo", SILENT), [at("rome", GOOD), at("bern", SILENT)])
    seen = judged(found.observation)
    (verdict,) = seen.verdicts
    assert (verdict.id, verdict.kind, verdict.severity) == (
        "target_blocks_us",
        Kind.MISCONFIGURATION,
        Severity.WARNING,
    )
    assert "From vantage oslo" in verdict.summary
    assert "reached from rome" in verdict.summary
    assert "bern" not in verdict.summary
    assert seen.state is State.UNKNOWN
    assert not is_blocked(seen)
    assert found.witness is not None
    assert found.witness.vantage == "rome"
    (told,) = found.told_by(seen).verdicts
    assert told == replace(verdict, vantages=("bern", "oslo"), compared_with=("rome",))


def test_one_vantage_is_enough_for_an_interception_and_is_named() -> None:
    for seen, name in ((STRIPPED, "starttls_missing"), (FORGED, "certificate_untrusted")):
        found = compare(at("oslo", seen), [at("rome", GOOD), at("bern", GOOD)])
        (verdict,) = found.own
        assert (verdict.id, verdict.kind, verdict.severity) == (name, Kind.DOWNGRADE, Severity.CRITICAL)
        assert "from vantage oslo only" in verdict.summary
        assert "bern, rome" in verdict.summary
        assert (verdict.vantages, verdict.compared_with) == (("oslo",), ("bern", "rome"))
        assert verdict in found.observation.verdicts
        assert is_downgraded(found.observation)


def test_all_that_see_an_interception_are_named_and_nobody_who_cannot_tell() -> None:
    others = [at("rome", GOOD), at("bern", STRIPPED), at("graz", SILENT)]
    (verdict,) = compare(at("oslo", STRIPPED), others).own
    assert (verdict.vantages, verdict.compared_with) == (("bern", "oslo"), ("rome",))
    assert "It is so from vantages bern, oslo only: from rome it was in order" in verdict.summary
    (plain,) = at("oslo", STRIPPED).verdicts
    assert plain.vantages == plain.compared_with == ()


def test_what_is_lost_for_one_vantage_alone_is_critical_and_says_for_which() -> None:
    """The baseline alone makes less of it on a port between servers."""
    history = learnt(GOOD)
    (verdict,) = compare(at("oslo", STRIPPED), [at("rome", GOOD)]).own
    for _ in range(2):
        history.see_judged(replace(STRIPPED, vantage="oslo", verdicts=(verdict,)))
    (raised,) = [event for event in history.events if event.kind is EventKind.VERDICT_RAISED]
    assert (raised.name, raised.severity) == ("starttls_missing", Severity.CRITICAL)
    assert "It was offered until" in raised.summary
    assert (raised.vantages, raised.compared_with) == (("oslo",), ("rome",))
    history.see(GOOD, times=2)
    (resolved,) = [event for event in history.events if event.kind is EventKind.VERDICT_RESOLVED]
    assert (resolved.vantages, resolved.compared_with) == (("oslo",), ("rome",))


def test_a_refusal_shows_its_words_escaped_and_cut() -> None:
    seen = replace(REJECTED, detail="554 \x1b[31m" + "x" * 1000)
    detail = compare(at("a", seen), [at("b", GOOD)]).observation.detail
    assert detail is not None
    assert "\x1b" not in detail
    assert len(detail) < 300


SEEN = st.sampled_from([GOOD, SILENT, REFUSED, REJECTED, OURS, STRIPPED, FORGED])


@given(SEEN, st.lists(SEEN, max_size=4))
def test_a_target_is_never_blamed_for_what_it_does_to_one_place_only(
    seen: Observation, others: list[Observation]
) -> None:
    own = at("a", seen)
    named = [at(f"v{number}", each) for number, each in enumerate(others)]
    found = compare(own, named)
    telling = [each for each in named if each.state is not State.UNKNOWN]
    if found.word is Word.SOUND:
        assert not is_odd(own)
    if found.word is Word.EVERYWHERE:
        assert found.witness in telling
    if found.word is Word.PATH:
        assert any(each.state in {State.OPEN, State.REJECTING} for each in telling)
    if is_odd(own) and own.reason is not None and any(each.state is State.OPEN for each in telling):
        assert found.word is Word.PATH
    if found.word is Word.CHANGED:
        assert {verdict.id for verdict in found.own} <= FROM_ONE_PLACE
    else:
        assert found.own == ()
    # Who stays silent, or is in nobody's way, makes no difference; nor does the order.
    assert compare(own, [*named[::-1], at("x", OURS)]).word is found.word


def test_a_path_counts_when_a_second_probe_shows_it_and_blocks_nothing() -> None:
    history = History()
    history.see(GOOD, times=4)
    path = compare(at("a", SILENT), [at("b", GOOD)]).observation
    first = history.see(path)
    assert first.standing is not None
    assert [each.is_first for each in first.standing] == [True]
    second = history.see(path)
    assert second.standing is not None
    assert [(each.verdict.id, each.is_first) for each in second.standing] == [("target_blocks_us", False)]
    assert history.told(EventKind.STATE_CHANGED) == []
    assert history.see(GOOD).standing == ()


def test_a_block_for_all_that_becomes_one_for_us_alone_is_no_block_any_more() -> None:
    history = History()
    history.see(GOOD, times=4)
    history.see(SILENT, times=3)
    assert history.standing == {"port_blocked"}
    path = compare(at("a", SILENT), [at("b", GOOD)]).observation
    seen = history.see(path)
    assert history.standing == {"target_blocks_us"}
    assert not is_blocked(seen)
    assert history.told(EventKind.VERDICT_RESOLVED) == ["port_blocked"]
    history.see(SILENT, times=2)
    assert history.standing == {"port_blocked"}


def difference(host: str, vantage: str, name: str = "target_blocks_us", port: int = 25) -> Difference:
    path = compare(at(vantage, SILENT), [at("x", GOOD), at("b", GOOD)])
    (verdict,) = path.told_by(judged(path.observation)).verdicts
    key = (host, "192.0.2.1", port, "smtp", "starttls")
    standing = StandingVerdict(replace(verdict, id=name), NOW, NOW)
    return Difference(key, (f"of-{host}",), vantage, standing)


@pytest.mark.parametrize(
    ("differences", "told"),
    [
        ([], []),
        ([difference("h", "b")], [("h", "b")]),
        ([difference("h", "b"), difference("h", "b", port=587)], [("h", "b")]),
        ([difference("h", "b"), difference("h", "c")], [("h", "b, c")]),
        ([difference("h", "b"), difference("g", "b")], [("vantage b", "b")]),
        (
            [difference("h", "b"), difference("g", "b"), difference("h", "c")],
            [("h", "c"), ("vantage b", "b")],
        ),
        ([difference("h", "b"), difference("g", "b", "starttls_missing")], [("g", "b"), ("h", "b")]),
    ],
)
def test_one_cause_is_one_incident(differences: list[Difference], told: list[tuple[str, str]]) -> None:
    found = find_vantage_incidents(differences)
    assert sorted((each.subject, each.vantage or "") for each in found) == told
    for each in found:
        assert each.vantages == tuple((each.vantage or "").split(", "))
        assert each.compared_with == (("x",) if "b" in each.vantages else ("b", "x"))
    keys = {key for each in found for key in each.keys}
    assert keys == {each.key for each in differences}
