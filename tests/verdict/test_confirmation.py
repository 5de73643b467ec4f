"""Which verdicts stand: losses after 2 of 3 probes, published policies and fingerprints at once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from scanner.model import Kind, Observation, Reason, Severity, StartTls, State, StsMode
from scanner.model.event import EventKind
from scanner.service.recollection import read_memory, write_memory
from scanner.verdict import is_blocked, is_downgraded
from scanner.verdict.condition import condition_of
from scanner.verdict.incidents import find_incidents
from scanner.verdict.remember import Patience, supplement
from tests.verdict.history import History, learnt
from tests.verdict.observations import NOW, ended, healthy, in_clear, judged, with_certificate
from tests.verdict.test_policy_rules import sts, under

BLOCKED = ended(587, reason=Reason.CONNECT_TIMEOUT)
CLOSED = ended(587, reason=Reason.CONNECTION_REFUSED)
STRIPPED = in_clear(587, StartTls(offered=False))
MASKED = in_clear(587, StartTls(offered=False, masked=True), capabilities=("XXXXXXXA",))
OURS = ended(587, reason=Reason.EGRESS_BLOCKED)
RAISED, RESOLVED = EventKind.VERDICT_RAISED, EventKind.VERDICT_RESOLVED


def test_one_bad_probe_is_a_blip() -> None:
    history = learnt(healthy(587))
    seen = history.see(BLOCKED)
    assert seen.verdicts
    assert not is_blocked(seen)
    seen = history.see(healthy(587), times=2)
    assert history.standing == set()
    assert not is_blocked(seen)
    assert history.events == []


def test_two_bad_probes_are_a_loss_and_two_good_ones_mend_it() -> None:
    history = learnt(healthy(587))
    seen = history.see(BLOCKED, times=2)
    assert is_blocked(seen)
    assert history.standing == {"port_blocked"}
    seen = history.see(healthy(587))
    assert is_blocked(seen), "one good probe does not mend it"
    seen = history.see(healthy(587))
    assert not is_blocked(seen)
    assert history.standing == set()
    assert history.told(RAISED) == ["port_blocked"]
    assert history.told(RESOLVED) == ["port_blocked"]
    assert history.told(EventKind.STATE_CHANGED) == ["blocked", "open"]


def test_two_of_three_confirm_a_loss_with_a_good_probe_between() -> None:
    history = learnt(healthy(587))
    assert is_blocked(history.see(BLOCKED, healthy(587), BLOCKED))


def test_two_of_four_do_not() -> None:
    history = learnt(healthy(587))
    history.see(BLOCKED, healthy(587), healthy(587), BLOCKED)
    assert history.standing == set()


def test_a_port_that_flaps_raises_one_alert_and_not_one_a_probe() -> None:
    history = learnt(healthy(587))
    history.see(BLOCKED, healthy(587), times=20)
    assert history.told(RAISED) == ["port_blocked"]
    assert history.told(RESOLVED) == []


@pytest.mark.parametrize("confirm_after", [1, 2, 3, 5])
def test_the_number_of_probes_is_the_operators(confirm_after: int) -> None:
    history = History(patience=Patience(confirm_after=confirm_after))
    history.see(healthy(587), times=4)
    history.see(BLOCKED, times=confirm_after - 1)
    assert history.standing == set()
    history.see(BLOCKED)
    assert history.standing == {"port_blocked"}


def test_the_start_is_that_of_the_first_probe_that_showed_it() -> None:
    history = learnt(healthy(587))
    first = history.now
    history.see(BLOCKED, times=3)
    assert history.memory.standing["port_blocked"].since == first
    assert history.memory.standing["port_blocked"].seen_at == first + timedelta(minutes=30)


def test_the_fingerprint_of_stripping_counts_at_once() -> None:
    history = learnt(healthy(587))
    assert is_downgraded(history.see(MASKED))
    assert history.told(RAISED) == ["starttls_masked"]


def test_a_published_policy_counts_at_once() -> None:
    history = learnt(under(healthy(25), sts(StsMode.ENFORCE)))
    history.see(under(in_clear(25, StartTls(offered=False)), sts(StsMode.ENFORCE)))
    assert history.standing == {"starttls_missing", "mta_sts_violated"}


def test_what_the_server_itself_shows_counts_at_once() -> None:
    history = History()
    history.see(with_certificate(993, not_after=NOW - timedelta(days=1), problems=("expired",)))
    assert history.standing == {"certificate_expired"}


def test_a_loss_against_the_baseline_is_confirmed_though_the_server_shows_it() -> None:
    history = learnt(healthy(993))
    other = with_certificate(993, name_matches=False, problems=("name_mismatch",))
    history.see(other)
    assert history.standing == set(), "one machine of many behind the address may show it"
    history.see(other)
    assert history.standing == {"certificate_name_mismatch"}


def test_our_own_network_freezes_what_stands() -> None:
    history = learnt(healthy(587))
    history.see(BLOCKED, times=2)
    seen = history.see(OURS, times=10)
    assert is_blocked(seen), "nothing is known to have mended it"
    assert history.standing == {"port_blocked", "egress_blocked"}
    history.see(healthy(587))
    assert history.standing == {"port_blocked"}
    history.see(healthy(587))
    assert history.standing == set()


def test_our_own_network_is_no_loss_of_the_target() -> None:
    history = learnt(healthy(587))
    seen = history.see(OURS, times=5)
    assert not is_blocked(seen)
    assert history.standing == {"egress_blocked"}
    assert history.told(EventKind.STATE_CHANGED) == []
    history.see(healthy(587))
    assert history.standing == set()
    assert history.memory.state is State.OPEN


def test_our_own_network_between_two_bad_probes_does_not_hide_them() -> None:
    history = learnt(healthy(587))
    history.see(BLOCKED, OURS, OURS, OURS, BLOCKED)
    assert "port_blocked" in history.standing


def test_silence_says_nothing_of_a_downgrade() -> None:
    history = learnt(healthy(587))
    history.see(STRIPPED, times=2)
    assert history.standing == {"starttls_missing"}
    history.see(BLOCKED, times=5)
    assert history.standing == {"starttls_missing", "port_blocked"}
    history.see(healthy(587), times=2)
    assert history.standing == set()


def test_a_temporary_refusal_of_starttls_that_stays_is_critical() -> None:
    history = learnt(healthy(587))
    seen = history.see(in_clear(587, StartTls(offered=True, reply="454 4.7.0 later")))
    assert [verdict.severity for verdict in seen.verdicts] == [Severity.WARNING]
    history.see(in_clear(587, StartTls(offered=True, reply="454 4.7.0 later")))
    assert history.memory.standing["starttls_refused"].verdict.severity is Severity.CRITICAL


def test_a_verdict_that_becomes_worse_is_told_again() -> None:
    history = learnt(healthy(25))
    stripped = in_clear(25, StartTls(offered=False))
    history.see(stripped, times=2)
    history.see(under(stripped, sts(StsMode.ENFORCE)))
    assert history.told(RAISED) == ["starttls_missing", "starttls_missing", "mta_sts_violated"]


def test_a_sweep_that_ends_later_counts_what_needs_no_confirmation_and_nothing_twice() -> None:
    history = learnt(healthy(993))
    seen = history.see(healthy(993))
    swept = judged(replace(seen, standing=None, versions={"TLSv1.0": True, "TLSv1.2": True, "TLSv1.3": True}))
    before = history.memory
    result = supplement(before, swept, history.policy)
    assert set(result.memory.standing) == {"legacy_tls_accepted"}
    assert [event.kind for event in result.events] == [RAISED]
    assert replace(result.memory, standing={}) == before
    assert supplement(result.memory, swept, history.policy).events == ()


def test_the_first_state_is_no_change_and_counts_at_once_only_where_it_is_good() -> None:
    history = History()
    history.see(CLOSED)
    assert history.memory.state is None, "it may be a blip"
    history.see(CLOSED)
    assert history.memory.state is State.CLOSED
    assert history.told(EventKind.STATE_CHANGED) == []
    good = History()
    good.see(healthy(587))
    assert good.memory.state is State.OPEN
    assert good.told(EventKind.STATE_CHANGED) == []


def test_events_carry_the_evidence_of_both_sides() -> None:
    history = learnt(healthy(587))
    history.see(STRIPPED, times=2)
    raised = next(event for event in history.events if event.kind is RAISED)
    assert raised.before["starttls"] == {"offered": True, "reply": "220 2.0.0 Ready"}
    assert raised.after["starttls"] == {"offered": False, "reply": None}
    assert raised.severity is Severity.CRITICAL
    assert raised.advice
    assert raised.key == STRIPPED.endpoint.key
    assert raised.subject == "mail.example.org [192.0.2.7]:587"


def test_the_good_side_is_kept_however_long_the_loss_stands() -> None:
    history = learnt(healthy(587))
    history.see(STRIPPED, times=50)
    history.see(healthy(587), times=2)
    resolved = next(event for event in history.events if event.kind is RESOLVED)
    assert resolved.before["tls"] is not None


@pytest.mark.parametrize("kind", [Kind.BLOCKED, Kind.DOWNGRADE])
def test_equal_histories_are_judged_equally(kind: Kind) -> None:
    bad: Observation = BLOCKED if kind is Kind.BLOCKED else STRIPPED
    first, second = learnt(healthy(587)), learnt(healthy(587))
    for history in (first, second):
        history.see(bad, healthy(587), times=4)
    assert (first.memory, first.events, first.last) == (second.memory, second.events, second.last)


def test_a_policy_that_is_withdrawn_ends_its_violation_though_the_server_is_still_plain() -> None:
    plain = in_clear(25, StartTls(offered=False))
    history = learnt(under(healthy(25), sts(StsMode.ENFORCE)))
    history.see(under(plain, sts(StsMode.ENFORCE)), times=3)
    assert "mta_sts_violated" in history.standing
    history.see(plain, times=2)
    assert history.standing == {"starttls_missing"}


def test_a_server_that_fails_in_turns_in_several_ways_is_not_open() -> None:
    history = learnt(healthy(587))
    failures = [
        ended(587, reason=reason)
        for reason in (Reason.CONNECTION_LOST, Reason.HOST_UNREACHABLE, Reason.CONNECTION_REFUSED)
    ]
    history.see(*failures, times=2)
    assert history.memory.state is not State.OPEN
    (incident,) = find_incidents([condition_of(failures[0], history.memory, "acme.test")])
    assert incident.severity >= Severity.WARNING


def test_a_milder_verdict_that_stands_does_not_make_one_probe_a_downgrade() -> None:
    weak = replace(healthy(587), auth_before_tls=("PLAIN",))
    worse = replace(healthy(587), auth_before_tls=("LOGIN", "PLAIN"))
    history = learnt(weak)
    kinds = []
    for sight in (weak, worse, worse):
        history.see(sight)
        kinds.append(history.memory.standing["auth_before_tls"].verdict.kind)
    assert kinds == [Kind.WEAKNESS, Kind.WEAKNESS, Kind.DOWNGRADE]


def test_our_own_network_is_told_by_its_port_and_not_by_each_endpoint() -> None:
    history = learnt(healthy(587))
    history.see(OURS, times=3)
    assert history.events == []


def test_what_is_back_soon_after_it_was_resolved_has_to_be_gone_for_an_hour() -> None:
    history = learnt(healthy(587))
    history.see(BLOCKED, times=2)
    history.see(healthy(587), times=2)
    assert history.told(RESOLVED) == ["port_blocked"]
    history.see(BLOCKED, times=2)
    assert history.memory.standing["port_blocked"].is_relapse
    history.see(healthy(587), times=4)
    assert (history.standing, history.memory.state) == ({"port_blocked"}, State.BLOCKED)
    history.see(healthy(587))
    assert (history.standing, history.memory.state) == (set(), State.OPEN)


def test_what_is_back_after_a_day_is_no_relapse() -> None:
    history = learnt(healthy(587))
    history.see(BLOCKED, times=2)
    history.see(healthy(587), times=96)
    assert history.memory.resolved_at == {}
    history.see(BLOCKED, times=2)
    history.see(healthy(587), times=2)
    assert history.standing == set()


def test_a_clock_that_was_set_back_does_not_hold_an_incident_for_ever() -> None:
    history = learnt(healthy(587))
    for _ in range(2):
        history.see(BLOCKED, times=2)
        history.see(healthy(587), times=2)
    history.now -= timedelta(hours=5)
    history.see(healthy(587), times=2)
    assert (history.standing, history.memory.state) == (set(), State.OPEN)


def test_a_memory_of_a_relapse_outlives_a_restart() -> None:
    history = learnt(healthy(587))
    for _ in range(2):
        history.see(BLOCKED, times=2)
        history.see(healthy(587), times=2)
    assert history.memory.is_relapse
    assert read_memory(write_memory(history.memory)) == history.memory


def test_a_first_probe_that_gets_no_answer_may_be_a_blip_too() -> None:
    history = History()
    history.see(BLOCKED)
    assert history.standing == set()
    history.see(BLOCKED)
    assert history.standing == {"port_blocked"}


def test_what_a_server_shows_at_first_counts_at_once_and_what_it_shows_later_is_confirmed() -> None:
    for shown in (STRIPPED, with_certificate(587, trusted=False, problems=("self_signed",))):
        history = History()
        history.see(shown)
        assert history.standing != set()
        history = History()
        history.see(healthy(587), shown)
        assert history.standing == set()
        history.see(shown)
        assert history.standing != set()


def test_a_server_that_turns_us_away_for_now_is_told_after_three_probes() -> None:
    history = learnt(healthy(25))
    later = ended(25, reason=Reason.GREETING_TEMPFAIL, banner="421 4.7.0 later")
    history.see(later, times=2)
    assert "greeting_rejected" not in history.standing
    history.see(later)
    assert history.memory.standing["greeting_rejected"].verdict.severity is Severity.WARNING


def test_what_is_known_later_of_a_probe_neither_softens_nor_confirms_anything() -> None:
    refused = in_clear(587, StartTls(offered=True, reply="454 4.7.0 later"))
    history = learnt(healthy(587))
    history.see(refused, times=2)
    again = supplement(history.memory, judged(replace(refused, started_at=history.now)), history.policy)
    assert again.memory.standing["starttls_refused"].verdict.severity is Severity.CRITICAL
    assert again.events == ()

    history = learnt(replace(healthy(587), auth_before_tls=("PLAIN",)))
    worse = judged(replace(healthy(587), auth_before_tls=("LOGIN", "PLAIN")))
    later = supplement(history.memory, worse, history.policy)
    assert later.memory.standing["auth_before_tls"].verdict.kind is Kind.WEAKNESS
    assert later.events == ()
