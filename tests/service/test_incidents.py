"""The incident board: what began and what ended is told once, whatever is joined, moved or forgotten."""

from dataclasses import replace
from datetime import timedelta

from scanner.model import Kind, Observation, Reason, Severity, StartTls, TargetFinding, Verdict
from scanner.model.event import EventKind
from scanner.verdict.vantages import compare
from tests.service.incident_board import Board
from tests.service.test_past import INCIDENT
from tests.verdict.observations import NOW, ended, healthy, in_clear, judged, with_certificate

PORTS = (25, 587, 993)
MILD = replace(INCIDENT, subject="mx3.acme.test", severity=Severity.WARNING, worst=Severity.CRITICAL)
FINGERPRINT = "0123456789abcdef" * 4
UNTRUSTED = {"trusted": False, "problems": ("untrusted",), "fingerprint_sha256": FINGERPRINT}
SUBJECT = "certificate 0123456789abcdef"


def known(board: Board, *hosts: str) -> None:
    """Let hosts be healthy for long enough to have a baseline."""
    for host in hosts:
        for port in PORTS:
            board.see(healthy(port), host=host, times=4)
    assert board.settle() == ()
    assert board.open == []


def down(board: Board, *hosts: str, times: int = 3) -> None:
    for host in hosts:
        for port in PORTS:
            board.see(ended(port, reason=Reason.CONNECT_TIMEOUT), host=host, times=times)


def up(board: Board, *hosts: str) -> None:
    for host in hosts:
        for port in PORTS:
            board.see(healthy(port), host=host, times=2)


def test_what_began_and_what_ended_is_told_exactly_once() -> None:
    board = Board()
    known(board, "mx1.acme.test")

    down(board, "mx1.acme.test")
    (began,) = board.settle()
    assert board.settle() == ()
    down(board, "mx1.acme.test")
    assert board.settle() == ()

    up(board, "mx1.acme.test")
    (ended_,) = board.settle()
    assert board.settle() == ()
    up(board, "mx1.acme.test")
    assert board.settle() == ()

    assert (began.kind, began.name, began.subject) == (
        EventKind.INCIDENT_OPENED,
        "host_down",
        "mx1.acme.test",
    )
    assert (ended_.kind, ended_.name, ended_.subject) == (
        EventKind.INCIDENT_CLOSED,
        "host_down",
        "mx1.acme.test",
    )
    assert began.severity is Severity.CRITICAL
    assert began.advice
    assert began.after["endpoints"] == 3
    assert ended_.severity is Severity.NOTICE
    assert ended_.before == began.after
    assert ended_.at > began.at


def test_the_end_weighs_what_the_beginning_did_however_mild_it_became() -> None:
    board = Board()
    known(board, "mx1.acme.test")
    down(board, "mx1.acme.test")
    (began,) = board.settle()
    up(board, "mx1.acme.test")
    (over,) = board.settle()
    assert (began.ended, began.hosts, began.port) == (None, ("mx1.acme.test",), None)
    assert (over.severity, over.ended, over.hosts) == (
        Severity.NOTICE,
        Severity.CRITICAL,
        ("mx1.acme.test",),
    )
    board.board.restore({INCIDENT.id: INCIDENT, MILD.id: MILD})
    ends = {event.subject: event.ended for event in board.settle()}
    assert ends == {INCIDENT.subject: Severity.CRITICAL, MILD.subject: Severity.CRITICAL}


def test_nothing_is_told_before_it_is_confirmed_nor_without_settling() -> None:
    board = Board()
    known(board, "mx1.acme.test")
    down(board, "mx1.acme.test", times=1)
    assert board.settle() == ()
    down(board, "mx1.acme.test", times=1)
    assert board.open == []
    assert [event.name for event in board.settle()] == ["host_down"]


def test_a_wide_cause_replaces_the_narrow_ones_and_both_sides_are_told() -> None:
    board = Board()
    known(board, "mx1.acme.test", "mx2.acme.test")
    down(board, "mx1.acme.test")
    board.settle()
    assert board.open == [("host_down", "host_down", "mx1.acme.test")]

    down(board, "mx2.acme.test")
    told = {(event.kind, event.subject) for event in board.settle()}
    assert told == {
        (EventKind.INCIDENT_OPENED, "acme.test"),
        (EventKind.INCIDENT_CLOSED, "mx1.acme.test"),
    }
    assert board.open == [("provider_down", "provider_down", "acme.test")]


def test_one_certificate_at_two_providers_is_one_incident_with_the_domains_of_both() -> None:
    board = Board()
    board.see(
        with_certificate(993, **UNTRUSTED), host="imap.acme.test", domains=("a.test", "shared.test"), times=2
    )
    (began,) = board.settle()
    board.see(
        with_certificate(25, **UNTRUSTED), host="mx.other.test", domains=("b.test", "shared.test"), times=2
    )
    board.see(with_certificate(587, **UNTRUSTED), host="smtp.other.test", domains=("b.test",), times=2)

    assert board.settle() == ()  # it grew, and is the same one
    assert began.subject == SUBJECT
    (incident,) = board.board.open.values()
    assert incident.subject == SUBJECT
    assert incident.domains == ("a.test", "b.test", "shared.test")
    assert incident.severity is Severity.CRITICAL
    assert {key[0] for key in incident.keys} == {"imap.acme.test", "smtp.other.test"}
    assert len(board.told) == 2  # the growth is handed on, for the metrics


def test_a_certificate_stays_its_incident_while_the_port_does_not_get_as_far_as_tls() -> None:
    board = Board()
    for _ in range(4):
        board.see(with_certificate(993, **UNTRUSTED), host="imap.acme.test")
    board.settle()
    board.see(ended(993, reason=Reason.CONNECT_TIMEOUT), host="imap.acme.test")
    assert board.settle() == ()
    assert board.open == [("certificate", "certificate_untrusted", SUBJECT)]


def test_a_server_that_shows_no_certificate_any_more_is_not_told_by_the_old_one() -> None:
    board = Board()
    board.see(with_certificate(993, **UNTRUSTED), host="imap.acme.test", times=4)
    board.settle()
    bare = replace(healthy(993), certificate=None)
    board.see(bare, host="imap.acme.test", times=2)
    board.settle()
    assert board.open == [("verdict", "certificate_untrusted", "imap.acme.test")]


def test_an_endpoint_that_is_forgotten_takes_its_incident_with_it() -> None:
    board = Board()
    key = board.see(with_certificate(993, **UNTRUSTED), host="imap.acme.test", times=2)
    board.settle()
    board.board.forget(key)
    (over,) = board.settle()
    assert (over.kind, over.subject) == (EventKind.INCIDENT_CLOSED, SUBJECT)
    assert board.open == []
    board.board.forget(key)
    assert board.settle() == ()


def test_forgetting_one_of_several_leaves_the_incident_to_the_others() -> None:
    board = Board()
    one = board.see(with_certificate(993, **UNTRUSTED), host="imap.acme.test", domains=("a.test",), times=2)
    board.see(with_certificate(995, **UNTRUSTED), host="pop.acme.test", domains=("b.test",), times=2)
    board.settle()
    board.board.forget(one)
    assert board.settle() == ()
    (incident,) = board.board.open.values()
    assert incident.domains == ("b.test",)


def test_ports_that_are_forgotten_may_leave_a_host_that_is_down() -> None:
    board = Board()
    known(board, "mx1.acme.test")
    for port in (25, 587):
        board.see(ended(port, reason=Reason.CONNECT_TIMEOUT), times=3)
    key = board.see(healthy(993))
    assert {event.name for event in board.settle()} == {"port_blocked"}
    board.board.forget(key)
    told = {(event.kind, event.name) for event in board.settle()}
    assert told == {(EventKind.INCIDENT_OPENED, "host_down"), (EventKind.INCIDENT_CLOSED, "port_blocked")}


def test_an_endpoint_whose_provider_becomes_known_is_not_counted_at_both() -> None:
    board = Board()
    for port in PORTS:
        board.see(ended(port, reason=Reason.CONNECT_TIMEOUT), host="mx1.acme.test", times=3)
        board.see(ended(port, reason=Reason.CONNECT_TIMEOUT), host="mx2.acme.test", times=3)
    board.settle()
    assert board.open == [("provider_down", "provider_down", "acme.test")]

    for port in PORTS:
        board.see(ended(port, reason=Reason.CONNECT_TIMEOUT), host="mx1.acme.test", provider="Acme Mail")
    board.settle()
    assert board.open == [
        ("host_down", "host_down", "mx1.acme.test"),
        ("host_down", "host_down", "mx2.acme.test"),
    ]
    for port in PORTS:
        board.see(ended(port, reason=Reason.CONNECT_TIMEOUT), host="mx2.acme.test", provider="Acme Mail")
    board.settle()
    assert board.open == [("provider_down", "provider_down", "Acme Mail")]


def test_hosts_belong_together_by_the_domain_they_are_registered_under() -> None:
    board = Board()
    known(board, "mx.one.co.uk", "mx.two.co.uk")
    down(board, "mx.one.co.uk", "mx.two.co.uk")
    board.settle()
    assert board.open == [
        ("host_down", "host_down", "mx.one.co.uk"),
        ("host_down", "host_down", "mx.two.co.uk"),
    ]


def test_our_own_network_is_one_incident_over_all_providers() -> None:
    board = Board()
    hosts = ("mx.one.test", "mx.two.test", "mx.three.test")
    known(board, *hosts)
    for host in hosts:
        board.see(ended(25, reason=Reason.EGRESS_BLOCKED), host=host)
    (began,) = board.settle()
    assert (began.name, began.subject) == ("egress_blocked", "port 25")
    assert began.after["endpoints"] == 3
    for host in hosts:
        board.see(healthy(25), host=host, times=2)
    (over,) = board.settle()
    assert over.kind is EventKind.INCIDENT_CLOSED


def test_hosts_that_have_one_port_each_make_a_provider_and_no_host() -> None:
    board = Board()
    for host in ("mx1.acme.test", "mx2.acme.test"):
        board.see(healthy(25), host=host, times=4)
    silent = ended(25, reason=Reason.CONNECT_TIMEOUT)
    board.see(silent, host="mx1.acme.test", times=2)
    board.settle()
    assert board.open == [("verdict", "port_blocked", "mx1.acme.test")]
    board.see(silent, host="mx2.acme.test", times=2)
    board.settle()
    assert board.open == [("provider_down", "provider_down", "acme.test")]


def test_an_incident_keeps_its_beginning_while_the_port_that_it_began_at_is_mended() -> None:
    board = Board()
    for port in (587, 143):
        board.see(healthy(port), times=4)
    board.see(in_clear(587, StartTls(offered=False)), times=2)
    board.settle()
    (began,) = board.board.open.values()
    board.see(healthy(143), times=3)
    board.see(in_clear(143, StartTls(offered=False)), times=2)
    board.see(healthy(587), times=2)
    board.settle()
    (now,) = board.board.open.values()
    assert (now.since, [key[2] for key in now.keys]) == (began.since, [143])


def test_what_is_found_about_a_domain_counts_when_two_plans_have_found_it() -> None:
    board = Board()
    lost = Verdict("mta_sts_weakened", Kind.DOWNGRADE, Severity.WARNING, "It is gone.", "Publish it.")
    found = TargetFinding("acme.test", "acme.test", NOW, 0.1, None, verdicts=(lost,))
    board.board.take_findings((found,))
    board.settle()
    assert board.open == []
    board.board.take_findings((replace(found, started_at=NOW + timedelta(minutes=5)),))
    board.settle()
    assert board.open == [("verdict", "mta_sts_weakened", "acme.test")]
    (incident,) = board.board.open.values()
    assert incident.since == NOW
    board.board.take_findings(())
    board.settle()
    assert board.open == []


def test_ports_that_are_not_probed_yet_since_their_host_is_back_are_no_trouble_of_their_own() -> None:
    board = Board()
    known(board, "mx1.acme.test")
    down(board, "mx1.acme.test")
    board.settle()
    board.see(healthy(25), host="mx1.acme.test", times=2)
    (over,) = board.settle()
    assert (over.kind, over.name) == (EventKind.INCIDENT_CLOSED, "host_down")
    board.see(healthy(587), host="mx1.acme.test")
    assert board.settle() == (), "it is back as well, if only by one probe"
    board.see(ended(993, reason=Reason.CONNECT_TIMEOUT), host="mx1.acme.test")
    (began,) = board.settle()
    assert (began.kind, began.name) == (EventKind.INCIDENT_OPENED, "port_blocked")
    board.see(ended(587, reason=Reason.CONNECT_TIMEOUT), host="mx1.acme.test")
    board.settle()
    (incident,) = board.board.open.values()
    assert {key[2] for key in incident.keys} == {587, 993}


def test_a_port_that_is_forgotten_or_covered_again_waits_for_no_probe() -> None:
    board = Board()
    known(board, "mx1.acme.test")
    down(board, "mx1.acme.test")
    board.settle()
    board.see(healthy(25), host="mx1.acme.test", times=2)
    board.settle()
    for port in (587, 993):
        board.see(ended(port, reason=Reason.CONNECT_TIMEOUT), host="mx1.acme.test")
    board.see(ended(25, reason=Reason.CONNECT_TIMEOUT), host="mx1.acme.test", times=3)
    told = {(event.kind, event.name) for event in board.settle()}
    assert (EventKind.INCIDENT_OPENED, "host_down") in told
    assert board.open == [("host_down", "host_down", "mx1.acme.test")]


def test_what_our_own_vantage_alone_sees_names_it_and_those_that_see_it_in_order() -> None:
    board = Board()
    known(board, "mx1.acme.test")
    good, stripped = healthy(25), in_clear(25, StartTls(offered=False))

    def see(*others: Observation) -> None:
        for port in (25, 587):
            endpoint = replace(healthy(port).endpoint, host="mx1.acme.test")
            seen = compare(
                judged(replace(stripped, endpoint=endpoint)),
                [judged(replace(each, endpoint=endpoint)) for each in others],
            ).observation
            board.see_judged(seen)

    rome, oslo = replace(good, vantage="rome"), replace(good, vantage="oslo")
    for _ in range(2):
        see(rome, oslo)
    (began,) = board.settle()
    assert (began.name, began.severity) == ("starttls_missing", Severity.CRITICAL)
    assert (began.vantage, began.vantages) == ("default", ("default",))
    assert began.compared_with == ("oslo", "rome")
    (incident,) = board.board.open.values()
    assert (incident.vantages, incident.compared_with) == (began.vantages, began.compared_with)

    # Others see it as well by now: it is the server.
    see()
    assert board.settle() == ()
    (incident,) = board.board.open.values()
    assert (incident.vantage, incident.vantages, incident.compared_with) == (None, (), ())


def test_what_several_vantages_see_alone_is_one_incident_that_names_them() -> None:
    board = Board()
    places = (("rome", ("default", "oslo")), ("oslo", ("default", "rome")))
    for order in (places, places[::-1]):
        board.board.take_from_one_place(
            tuple(replace(MILD, vantage=name, compared_with=better) for name, better in order)
        )
        board.settle()
        (incident,) = board.board.open.values()
        assert (incident.vantage, incident.vantages) == ("oslo, rome", ("oslo", "rome"))
        assert incident.compared_with == ("default",)
    board.board.take_from_one_place((replace(MILD, vantage="rome", compared_with=("oslo",)), MILD))
    board.settle()
    (incident,) = board.board.open.values()
    assert (incident.vantage, incident.vantages, incident.compared_with) == (None, (), ())
