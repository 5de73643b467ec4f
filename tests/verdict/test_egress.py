"""What the controls of a port say about our own network: blocked, down, fine, or not to be told."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Observation, Reason, Severity, StartTls, State, TlsMode
from scanner.model.control import Control, Gate, GateStanding, PortStanding, Realm, Word, realm_of, sum_up
from scanner.model.reason import NETWORK_DOWN
from scanner.verdict import Policy, judge
from scanner.verdict.egress import blame, is_suspicious, judge_gate, tell_gate
from scanner.verdict.interception import Asked, Round
from tests.verdict.controls import GATE, PROVIDERS, asked, controls, failing, fine, gate_round
from tests.verdict.observations import CERTIFICATE, NOW, healthy, in_clear

SILENT = Reason.CONNECT_TIMEOUT
REASONS = [None, *Reason]


@pytest.mark.parametrize("answering", [1, 2, 3])
def test_one_control_that_answers_proves_the_port_open(answering: int) -> None:
    some = [fine(one) if number < answering else failing(one) for number, one in enumerate(controls())]
    standing = judge_gate(gate_round(*some))
    assert standing.word is Word.FINE
    assert not standing.is_bad
    assert tell_gate(GATE, standing) is None


@pytest.mark.parametrize(
    "reason",
    [
        SILENT,
        Reason.ADMIN_PROHIBITED,
        Reason.HOST_UNREACHABLE,
        Reason.NETWORK_UNREACHABLE,
        Reason.CONNECTION_REFUSED,
        Reason.CLOSED_BEFORE_GREETING,
        Reason.RESET_BEFORE_GREETING,
        Reason.NO_GREETING,
    ],
)
@pytest.mark.parametrize(
    ("more", "words", "is_down"),
    [
        ({"sites": (("www.test:443", True),)}, "www.test:443 can be reached", False),
        ({"sites": (("a.test:443", False), ("b.test:443", True))}, "b.test:443 can be reached", False),
        ({"sites": (("a.test:443", False),), "has_other_answers": True}, "other ports work", False),
        ({"has_other_answers": True}, "other ports work", False),
        ({}, "no control answers on it", False),
        ({"sites": (("a.test:443", False), ("b.test:443", False))}, NETWORK_DOWN, True),
    ],
)
def test_where_all_controls_fail_it_is_our_own_fault(
    reason: Reason, more: dict[str, Any], words: str, is_down: bool
) -> None:
    standing = judge_gate(gate_round(*(failing(one, reason) for one in controls()), **more))
    assert standing.word is Word.BLOCKED
    assert standing.is_network_down is is_down
    assert words in standing.text
    assert standing.failures == {reason}
    verdict = tell_gate(GATE, standing)
    assert verdict is not None
    assert (verdict.id, verdict.severity) == ("egress_blocked", Severity.WARNING)
    assert ("network is down" in verdict.summary) is is_down
    assert ("Mend the network" in verdict.advice) is is_down


@pytest.mark.parametrize(
    ("listed", "silent", "word"),
    [
        (3, 3, Word.BLOCKED),
        (3, 2, Word.BLOCKED),
        (3, 1, Word.UNTOLD),
        (1, 1, Word.BLOCKED),
        (3, 0, Word.UNTOLD),
    ],
)
def test_silence_needs_two_of_a_list_that_has_them(listed: int, silent: int, word: Word) -> None:
    some = [failing(one) for one in controls()[:silent]]
    assert judge_gate(gate_round(*some, listed=listed)).word is word


def test_where_a_target_answers_nobody_can_tell_whose_filter_the_controls_meet() -> None:
    standing = judge_gate(gate_round(*map(failing, controls()), witnesses=("mx.site.test [192.0.2.9]",)))
    assert (standing.word, standing.has_witness) == (Word.UNTOLD, True)
    assert standing.text.startswith("mx.site.test [192.0.2.9] answered on it, and no control does: ")


@pytest.mark.parametrize("reason", [Reason.PROBE_RESOURCES, Reason.INTERNAL, Reason.SKIPPED])
def test_what_our_own_machine_could_not_ask_tells_nothing(reason: Reason) -> None:
    standing = judge_gate(gate_round(*(failing(one, reason) for one in controls()), has_other_answers=True))
    assert standing.word is Word.UNTOLD


@pytest.mark.parametrize("reason", [Reason.GREETING_REJECTED, Reason.GREETING_TEMPFAIL])
def test_a_control_that_turns_us_away_has_answered(reason: Reason) -> None:
    one, *others = controls()
    seen = asked(one, reason=reason, banner="554 5.7.1 not you", tls=None, certificate=None)
    assert judge_gate(gate_round(seen, *map(failing, others))).word is Word.FINE


def test_a_gate_is_named_with_what_sets_it_apart() -> None:
    assert str(Gate(25, 4, Realm.PUBLIC)) == "port 25 over IPv4"
    assert str(Gate(25, 6, Realm.PRIVATE)) == "port 25 over IPv6 in the private network"


@pytest.mark.parametrize(
    ("address", "realm"),
    [
        ("8.8.8.8", Realm.PUBLIC),
        ("2a00:1450::1a", Realm.PUBLIC),
        ("10.1.2.3", Realm.PRIVATE),
        ("169.254.1.1", Realm.PRIVATE),
        ("fe80::1", Realm.PRIVATE),
        ("fd00::1", Realm.PRIVATE),
        ("127.3.0.1", Realm.LOOPBACK),
        ("::1", Realm.LOOPBACK),
        ("::ffff:127.0.0.1", Realm.LOOPBACK),
    ],
)
def test_packets_to_an_address_go_one_way(address: str, realm: Realm) -> None:
    assert realm_of(address) is realm


def test_a_port_is_summed_up_over_its_gates() -> None:
    def standing(word: Word) -> GateStanding:
        return GateStanding(word)

    v6 = replace(GATE, family=6)
    assert sum_up({GATE: standing(Word.UNTOLD)}) == ()
    (port,) = sum_up({GATE: standing(Word.FINE), v6: standing(Word.BLOCKED)})
    assert port == PortStanding(25, is_blocked=True, is_intercepted=False)
    (port,) = sum_up({GATE: standing(Word.INTERCEPTED), v6: standing(Word.UNTOLD)})
    assert port == PortStanding(25, is_blocked=False, is_intercepted=True)


# ------------------------------------------------------------------------ what becomes of a result


def ended(reason: Reason, **changes: Any) -> Observation:
    return failing(controls()[0], reason, **changes).seen


BLOCKED = judge_gate(gate_round(*map(failing, controls()), sites=(("www.test:443", True),)))
RESETTING = replace(BLOCKED, failures=frozenset({Reason.CONNECTION_REFUSED}))
INTERCEPTED = GateStanding(Word.INTERCEPTED, ("192.0.2.1, where nothing is, accepts connections",))
FINE = judge_gate(gate_round(*map(fine, controls())))
UNPROVEN = replace(healthy(25), certificate=None)
UNTRUSTED = replace(healthy(25), certificate=replace(CERTIFICATE, trusted=False))
MISNAMED = replace(healthy(25), certificate=replace(CERTIFICATE, name_matches=False))


@pytest.mark.parametrize(
    ("standing", "seen", "expected"),
    [
        (BLOCKED, ended(SILENT), Reason.EGRESS_BLOCKED),
        (BLOCKED, ended(Reason.HOST_UNREACHABLE), Reason.EGRESS_BLOCKED),
        (BLOCKED, ended(Reason.NETWORK_UNREACHABLE), Reason.EGRESS_BLOCKED),
        (BLOCKED, ended(Reason.ADMIN_PROHIBITED, detail="... from 10.0.0.1"), Reason.EGRESS_BLOCKED),
        (BLOCKED, ended(Reason.ADMIN_PROHIBITED, detail="... from 8.8.8.1"), Reason.ADMIN_PROHIBITED),
        (BLOCKED, ended(Reason.CONNECTION_REFUSED), Reason.CONNECTION_REFUSED),
        (RESETTING, ended(Reason.CONNECTION_REFUSED), Reason.EGRESS_BLOCKED),
        (BLOCKED, ended(Reason.CLOSED_BEFORE_GREETING), Reason.CLOSED_BEFORE_GREETING),
        (BLOCKED, ended(Reason.GREETING_REJECTED, banner="554 no"), Reason.GREETING_REJECTED),
        (BLOCKED, ended(Reason.READ_TIMEOUT, banner="220 a.test"), Reason.READ_TIMEOUT),
        (BLOCKED, healthy(25), None),
        (BLOCKED, ended(Reason.SKIPPED), Reason.SKIPPED),
        (INTERCEPTED, healthy(25), None),  # nobody else has a certificate for its name
        (INTERCEPTED, UNPROVEN, Reason.EGRESS_INTERCEPTED),
        (INTERCEPTED, UNTRUSTED, Reason.EGRESS_INTERCEPTED),
        (INTERCEPTED, MISNAMED, Reason.EGRESS_INTERCEPTED),
        (INTERCEPTED, ended(SILENT), Reason.EGRESS_INTERCEPTED),
        (INTERCEPTED, ended(Reason.PROBE_RESOURCES), Reason.PROBE_RESOURCES),
        (FINE, ended(SILENT), SILENT),
        (FINE, healthy(25), None),
        (GateStanding(Word.UNTOLD), ended(SILENT), SILENT),
    ],
)
def test_what_becomes_of_a_result(standing: GateStanding, seen: Observation, expected: Reason | None) -> None:
    told = blame(seen, standing)
    assert told.reason is expected
    assert (told.banner, told.certificate, told.phases) == (seen.banner, seen.certificate, seen.phases)
    if expected in {Reason.EGRESS_BLOCKED, Reason.EGRESS_INTERCEPTED}:
        assert told.detail is not None
        assert standing.text in told.detail
        assert "this server: " in told.detail
        (verdict,) = judge(told, Policy(), NOW)
        assert verdict.id == expected.value


@pytest.mark.parametrize(
    ("standing", "seen", "began_before", "expected"),
    [
        (BLOCKED, ended(Reason.READ_TIMEOUT, banner="220 a.test"), True, Reason.EGRESS_BLOCKED),
        (BLOCKED, replace(healthy(993), reason=Reason.READ_TIMEOUT), True, Reason.EGRESS_BLOCKED),
        (BLOCKED, replace(healthy(993), reason=Reason.READ_TIMEOUT), False, Reason.READ_TIMEOUT),
        (BLOCKED, ended(Reason.TLS_TIMEOUT), True, Reason.EGRESS_BLOCKED),
        (BLOCKED, ended(Reason.GREETING_REJECTED, banner="554 no"), True, Reason.GREETING_REJECTED),
        (BLOCKED, healthy(25), True, None),
        (FINE, ended(Reason.READ_TIMEOUT, banner="220 a.test"), True, Reason.READ_TIMEOUT),
    ],
)
def test_who_falls_silent_while_our_way_out_is_closed_is_not_blamed(
    standing: GateStanding, seen: Observation, began_before: bool, expected: Reason | None
) -> None:
    assert blame(seen, standing, began_before=began_before).reason is expected


def test_the_advice_on_a_blocked_port_says_whether_the_filter_may_be_ours() -> None:
    def advice(standing: GateStanding) -> str:
        (verdict,) = judge(blame(ended(SILENT), standing), Policy(), NOW)
        return verdict.advice

    assert "not a filter in our own network" in advice(FINE)
    assert "No control server tells whether" in advice(GateStanding(Word.UNTOLD))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (healthy(25), False),
        (healthy(993), False),
        (in_clear(25, StartTls(offered=False)), True),
        (in_clear(25, StartTls(offered=False, masked=True)), True),
        (replace(healthy(25), banner="220 *************"), True),
        (replace(healthy(25), certificate=None, tls=None), True),
        (ended(SILENT), True),
        (ended(Reason.CONNECTION_REFUSED), True),
        (ended(Reason.HOST_UNREACHABLE), True),
        (ended(Reason.GREETING_TEMPFAIL, banner="421 busy"), True),
        (ended(Reason.EGRESS_BLOCKED), False),
        (ended(Reason.SKIPPED), False),
        (replace(healthy(993), reason=Reason.CONNECTION_LOST), False),
        (replace(healthy(993), reason=Reason.READ_TIMEOUT), True),
    ],
)
def test_a_certificate_that_verifies_puts_a_result_beyond_doubt(seen: Observation, expected: bool) -> None:
    assert is_suspicious(seen) is expected


def test_what_is_told_of_a_network_is_never_told_of_the_server() -> None:
    for standing in (BLOCKED, INTERCEPTED):
        told = blame(ended(SILENT), standing)
        assert told.state is State.UNKNOWN


# ------------------------------------------------------------------------------- no crash, ever

TEXT = st.one_of(
    st.none(), st.text(max_size=60), st.sampled_from(["421 busy", "220 ****", "* OK Gimap [10.0.0.1]"])
)
SEEN = st.builds(
    lambda reason, banner, hello, has_tls, starttls: replace(
        healthy(25),
        reason=reason,
        banner=banner,
        hello=hello,
        starttls=starttls,
        certificate=healthy(25).certificate if has_tls else None,
        tls=healthy(25).tls if has_tls else None,
    ),
    st.sampled_from(REASONS),
    TEXT,
    TEXT,
    st.booleans(),
    st.one_of(st.none(), st.builds(StartTls, offered=st.booleans(), masked=st.booleans())),
)
CONTROLS = st.builds(
    lambda provider, banner, starttls: replace(
        controls()[0], provider=provider, banner=banner, starttls=starttls
    ),
    st.sampled_from([None, *PROVIDERS]),
    TEXT,
    st.booleans(),
)
ROUNDS = st.builds(
    Round,
    gate=st.just(GATE),
    listed=st.integers(0, 4),
    asked=st.lists(st.builds(Asked, CONTROLS, SEEN), max_size=4).map(tuple),
    sites=st.lists(st.tuples(st.just("a.test:443"), st.booleans()), max_size=2).map(tuple),
    has_other_answers=st.booleans(),
    dark=st.sampled_from([None, "192.0.2.1"]),
    is_dark_answering=st.booleans(),
    connect_elsewhere=st.dictionaries(st.just("192.0.2.7"), st.floats(0, 1), max_size=1),
    witnesses=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    is_store_proven=st.booleans(),
)


@given(asked_round=ROUNDS, target=SEEN)
def test_any_round_gives_a_standing_and_any_result_can_be_held_against_it(
    asked_round: Round, target: Observation
) -> None:
    standing = judge_gate(asked_round)
    assert (standing.word is Word.UNTOLD) or asked_round.told
    assert not standing.is_bad or standing.text
    assert (tell_gate(GATE, standing) is not None) is standing.is_bad
    if standing.word is Word.BLOCKED:
        assert not asked_round.answering
    told = blame(target, standing)
    assert told.state is State.UNKNOWN or told.reason is target.reason
    assert blame(told, standing) == told
    judge(told, Policy(), NOW)


@given(pattern=st.text(max_size=30), greeting=st.text(max_size=60))
def test_a_pattern_is_found_in_what_it_was_made_of(pattern: str, greeting: str) -> None:
    one = Control("a.test", 25, healthy(25).endpoint.protocol, TlsMode.STARTTLS, banner=pattern)
    assert one.is_named_by(f"x{pattern}y")
    assert replace(one, banner=f"{pattern}*{greeting}").is_named_by(f"{pattern} and {greeting}")
    assert replace(one, banner=None).is_named_by(greeting)
