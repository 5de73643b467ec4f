"""One incident per cause: our network, a provider, a host, an address, a certificate, a verdict."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from scanner.model import Kind, Observation, Reason, Severity, StartTls, Verdict
from scanner.model.incident import Cause, Incident
from scanner.model.memory import Memory
from scanner.verdict import Policy
from scanner.verdict.condition import LONGEST_EVIDENCE, Condition, condition_of
from scanner.verdict.incidents import find_egress, find_incidents
from scanner.verdict.remember import Patience, remember
from tests.verdict.history import INTERVAL, History
from tests.verdict.observations import NOW, ended, healthy, in_clear, judged, with_certificate

PORTS = (25, 465, 587, 143, 993, 110, 995)
EXPIRED = {"not_after": NOW, "problems": ("expired",)}


def place(observation: Observation, host: str, address: str, domains: tuple[str, ...]) -> Observation:
    return replace(
        observation, endpoint=replace(observation.endpoint, host=host, address=address, domains=domains)
    )


def watched(
    before: Observation | None,
    after: Observation,
    host: str = "mx1.acme.test",
    address: str = "192.0.2.7",
    domains: tuple[str, ...] = ("example.org",),
    provider: str = "acme.test",
) -> Condition:
    """Return the condition of an endpoint that was one way and is another now."""
    history = History()
    if before is not None:
        history.see(place(before, host, address, domains), times=4)
    seen = history.see(place(after, host, address, domains), times=3)
    return condition_of(seen, history.memory, provider)


def remembered(*probes: Observation) -> Condition:
    """Return the condition of an endpoint that showed each of these four times, judged as they are."""
    memory, seen = Memory(), None
    for number, probe in enumerate(each for each in probes for _ in range(4)):
        at = replace(probe, started_at=NOW + number * INTERVAL)
        result = remember(memory, at, Policy(), Patience())
        memory, seen = result.memory, result.observation
    assert seen is not None
    return condition_of(seen, memory, "acme.test")


def silent(port: int) -> Observation:
    return ended(port, reason=Reason.CONNECT_TIMEOUT)


def host_down(
    host: str,
    address: str = "192.0.2.7",
    ports: Iterable[int] = PORTS,
    domains: tuple[str, ...] = ("example.org",),
) -> list[Condition]:
    return [watched(healthy(port), silent(port), host, address, domains) for port in ports]


def found(conditions: list[Condition]) -> tuple[Incident, ...]:
    return (*find_egress(conditions), *find_incidents(conditions))


def told(conditions: list[Condition]) -> list[tuple[Cause, str]]:
    return [(each.cause, each.subject) for each in found(conditions)]


def only(conditions: list[Condition]) -> Incident:
    (incident,) = found(conditions)
    return incident


def test_all_well_is_no_incident() -> None:
    assert find_incidents([watched(healthy(port), healthy(port)) for port in PORTS]) == ()


def test_a_host_that_is_down_is_one_incident_and_not_seven() -> None:
    incident = only(host_down("mx1.acme.test"))
    assert (incident.cause, incident.subject) == (Cause.HOST_DOWN, "mx1.acme.test")
    assert len(incident.keys) == 7
    assert incident.severity is Severity.CRITICAL


def test_ports_that_never_answered_do_not_keep_a_host_up() -> None:
    conditions = [
        *host_down("mx1.acme.test", ports=(25, 587, 993)),
        *(watched(None, silent(port)) for port in (110, 143)),
    ]
    assert told(conditions) == [(Cause.HOST_DOWN, "mx1.acme.test")]
    assert len(only(conditions).keys) == 5


def test_one_port_of_many_is_that_port() -> None:
    conditions = [watched(healthy(port), silent(port) if port == 587 else healthy(port)) for port in PORTS]
    assert told(conditions) == [(Cause.VERDICT, "mx1.acme.test")]
    assert "mx1.acme.test:587" in only(conditions).summary


def test_the_only_port_watched_is_that_port_and_no_host() -> None:
    assert told(host_down("mx1.acme.test", ports=(25,))) == [(Cause.VERDICT, "mx1.acme.test")]


def test_one_port_at_many_addresses_is_one_incident() -> None:
    conditions = [
        watched(healthy(25), in_clear(25, StartTls(offered=False)), address=f"192.0.2.{number}")
        for number in range(1, 9)
    ]
    incident = only(conditions)
    assert (incident.cause, incident.name, len(incident.keys)) == (Cause.VERDICT, "starttls_missing", 8)


def test_one_address_of_two() -> None:
    conditions = [
        *host_down("mx1.acme.test", "192.0.2.1"),
        *(watched(healthy(port), healthy(port), address="192.0.2.2") for port in PORTS),
    ]
    assert told(conditions) == [(Cause.ADDRESS_DOWN, "mx1.acme.test [192.0.2.1]")]


def test_a_provider_that_is_down_is_one_incident_with_all_its_domains() -> None:
    conditions = [
        each
        for number in range(4)
        for each in host_down(
            f"mx{number}.acme.test",
            f"192.0.2.{number}",
            domains=tuple(f"d{number}-{place}.test" for place in range(50)),
        )
    ]
    incident = only(conditions)
    assert (incident.cause, incident.subject) == (Cause.PROVIDER_DOWN, "acme.test")
    assert len(incident.domains) == 200


def test_a_provider_with_one_host_up_is_not_down() -> None:
    conditions = [
        *host_down("mx1.acme.test"),
        *host_down("mx2.acme.test", "192.0.2.8"),
        *(watched(healthy(port), healthy(port), "mx3.acme.test", "192.0.2.9") for port in PORTS),
    ]
    assert told(conditions) == [(Cause.HOST_DOWN, "mx1.acme.test"), (Cause.HOST_DOWN, "mx2.acme.test")]


def test_our_own_network_covers_the_ports_it_is_in_the_way_of() -> None:
    conditions = [
        watched(healthy(25), ended(25, reason=Reason.EGRESS_BLOCKED), f"mx{number}.test", f"192.0.2.{number}")
        for number in range(5)
    ]
    incident = only(conditions)
    assert (incident.cause, incident.subject, len(incident.keys)) == (Cause.EGRESS_BLOCKED, "port 25", 5)


def test_our_own_network_does_not_make_a_host_down() -> None:
    conditions = [
        *(watched(healthy(port), healthy(port)) for port in (587, 993)),
        watched(healthy(25), ended(25, reason=Reason.EGRESS_BLOCKED)),
    ]
    assert told(conditions) == [(Cause.EGRESS_BLOCKED, "port 25")]


def test_one_certificate_on_many_ports_is_one_incident() -> None:
    conditions = [
        watched(healthy(port), with_certificate(port, **EXPIRED), host)
        for host in ("imap.acme.test", "pop.acme.test")
        for port in (993, 995)
    ]
    incident = only(conditions)
    assert (incident.cause, incident.name, len(incident.keys)) == (
        Cause.CERTIFICATE,
        "certificate_expired",
        4,
    )
    assert "imap.acme.test:993" in incident.summary


def test_two_certificates_of_one_host_are_two_incidents_with_ids_of_their_own() -> None:
    conditions = [
        watched(None, with_certificate(993, **EXPIRED, fingerprint_sha256="ab" * 32)),
        watched(None, with_certificate(995, **EXPIRED, fingerprint_sha256="cd" * 32)),
    ]
    assert len({each.id for each in find_incidents(conditions)}) == 2


def test_a_host_that_is_not_reached_is_told_though_no_verdict_is_about_it() -> None:
    incident = only([watched(healthy(25), ended(25, reason=Reason.HOST_UNREACHABLE))])
    assert (incident.name, incident.severity) == ("host_unreachable", Severity.WARNING)


def test_a_service_that_is_broken_is_told() -> None:
    incident = only([watched(healthy(587), ended(587, reason=Reason.NO_GREETING))])
    assert incident.name == "no_greeting"


def test_a_service_that_is_broken_is_told_with_what_it_says_instead() -> None:
    wrong = replace(ended(25, reason=Reason.WRONG_PROTOCOL), detail="speaks HTTP: HTTP/1.1 400 Bad Request")
    incident = only([watched(healthy(25), wrong)])
    said = "is broken: wrong protocol (speaks HTTP: HTTP/1.1 400 Bad Request)."
    assert incident.summary.startswith(f"mx1.acme.test:25 {said}")


def test_what_a_broken_service_says_is_bounded_and_shown_harmlessly() -> None:
    hostile = "\x1b[2J\u202e" * 5000
    condition = watched(healthy(25), replace(ended(25, reason=Reason.PROTOCOL_ERROR), detail=hostile))
    assert condition.evidence is not None
    assert len(condition.evidence) == LONGEST_EVIDENCE
    incident = only([condition])
    assert incident.summary.isprintable()
    assert "u001b[2J" in incident.summary
    assert len(incident.summary) < 2 * LONGEST_EVIDENCE


def test_other_words_of_a_broken_service_are_no_change() -> None:
    """They may hold a time or a number of the connection; only who is broken keeps any."""
    lost = [
        watched(healthy(25), replace(ended(25, reason=Reason.CONNECTION_LOST), detail=detail))
        for detail in ("after 3 bytes", "after 4 bytes")
    ]
    assert [each.evidence for each in lost] == ["after 3 bytes", "after 4 bytes"]
    assert lost[0] == lost[1]
    refused = replace(ended(25, reason=Reason.CONNECTION_REFUSED), detail="errno 111")
    assert watched(healthy(25), refused).evidence is None


def test_notices_are_no_incidents() -> None:
    other = replace(healthy(587), banner="220 new.example.org Acme")
    assert find_incidents([watched(healthy(587), other)]) == ()


@pytest.mark.parametrize("port", [110, 143, 465, 995])
def test_a_port_that_need_not_serve_and_is_closed_is_no_incident(port: int) -> None:
    refused = watched(None, ended(port, reason=Reason.CONNECTION_REFUSED))
    assert [one.verdict.id for one in refused.standing] == ["port_closed"]
    assert find_incidents([watched(healthy(587), healthy(587)), refused]) == ()


def test_a_temporary_refusal_that_is_only_a_notice_is_no_incident() -> None:
    busy = ended(587, reason=Reason.GREETING_TEMPFAIL, banner="421 busy")
    assert find_incidents([watched(None, busy)]) == ()


def test_a_silent_port_that_is_not_confirmed_is_no_incident_by_its_reason() -> None:
    history = History()
    seen = history.see(silent(587))
    assert history.standing == set()
    assert find_incidents([condition_of(seen, history.memory, "acme.test")]) == ()


def test_a_host_that_rejects_us_is_not_down() -> None:
    conditions = [
        watched(healthy(port), ended(port, reason=Reason.GREETING_REJECTED, banner="554 no"))
        for port in (25, 587)
    ]
    incident = only(conditions)
    assert (incident.cause, incident.name, len(incident.keys)) == (Cause.VERDICT, "greeting_rejected", 2)


def siblings_disagree(observation: Observation, kind: Kind) -> Observation:
    """Return a probe whose siblings are better, by a comparison that comes before its memory."""
    verdict = Verdict("siblings_disagree", kind, Severity.WARNING, "Port 25 offers no TLS.", "Enable it.")
    return replace(observation, verdicts=(*observation.verdicts, verdict))


@pytest.mark.parametrize("kind", [Kind.DOWNGRADE, Kind.WEAKNESS])
def test_what_siblings_only_say_again_is_no_incident_beside_it(kind: Kind) -> None:
    stripped = siblings_disagree(judged(in_clear(25, StartTls(offered=False))), kind)
    condition = remembered(healthy(25), stripped)
    assert {one.verdict.id for one in condition.standing} == {"starttls_missing", "siblings_disagree"}
    assert only([condition]).name == "starttls_missing"


def test_what_siblings_alone_say_is_an_incident() -> None:
    lowered = siblings_disagree(judged(healthy(993)), Kind.WEAKNESS)
    assert only([remembered(healthy(993), lowered)]).name == "siblings_disagree"


def test_a_comparison_is_told_with_what_it_says_again() -> None:
    """Without a baseline a missing STARTTLS is a weakness, also where another port has it."""
    stripped = siblings_disagree(judged(in_clear(25, StartTls(offered=False))), Kind.DOWNGRADE)
    incident = only([remembered(stripped)])
    assert (incident.name, incident.kind) == ("starttls_missing", Kind.WEAKNESS)


def test_what_stood_before_our_own_network_failed_goes_on_to_stand() -> None:
    history = History()
    history.see(healthy(993), times=4)
    expired = with_certificate(993, **EXPIRED)
    history.see(expired, times=3)
    before = only([condition_of(history.last or expired, history.memory, "acme.test")])
    seen = history.see(ended(993, reason=Reason.EGRESS_BLOCKED), times=3)
    after = find_incidents([condition_of(seen, history.memory, "acme.test")])
    assert [(each.name, each.since) for each in after] == [(before.name, before.since)]


def test_legacy_ports_that_were_never_open_are_no_host_that_is_down() -> None:
    conditions = [watched(None, ended(port, reason=Reason.CONNECTION_REFUSED)) for port in (110, 143)]
    assert find_incidents(conditions) == ()
