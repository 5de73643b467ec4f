"""What the answers for the six service names mean (RFC 2782, RFC 6186, RFC 8314 section 5.1)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scanner.discovery.offer import Offer
from scanner.discovery.srv import MAX_PLACES, NAMES, read_srv
from scanner.model import Protocol, Reason, Service, TlsMode
from scanner.network.answer import Answer, SrvRecord, Status


def answers(**given: Any) -> list[Answer[SrvRecord]]:
    """Make the six answers; each is named by its label and is a list of records or a status."""
    made = []
    for name in NAMES:
        what = given.get(name.label.removeprefix("_"), [])
        status = what if isinstance(what, Status) else Status.FOUND if what else Status.NO_NAME
        records = () if isinstance(what, Status) else tuple(SrvRecord(*record) for record in what)
        made.append(Answer(f"{name.label}._tcp.example.org", status, records))
    return made


def read(**given: Any) -> Offer:
    return read_srv("example.org", answers(**given))


def test_the_names_tell_protocol_and_tls_mode_and_the_record_the_port() -> None:
    found = read(
        submissions=[(0, 1, 465, "smtp.test")],
        submission=[(0, 1, 2587, "smtp.test")],
        imaps=[(0, 1, 993, "imap.test")],
        imap=[(0, 1, 143, "imap.test")],
        pop3s=[(0, 1, 995, "pop.test")],
        pop3=[(0, 1, 110, "pop.test")],
    )
    told = {(place.service, place.protocol, place.tls_mode, place.host, place.port) for place in found.places}
    assert told == {
        (Service.SUBMISSION, Protocol.SMTP, TlsMode.IMPLICIT, "smtp.test", 465),
        (Service.SUBMISSION, Protocol.SMTP, TlsMode.STARTTLS, "smtp.test", 2587),
        (Service.IMAP, Protocol.IMAP, TlsMode.IMPLICIT, "imap.test", 993),
        (Service.IMAP, Protocol.IMAP, TlsMode.STARTTLS, "imap.test", 143),
        (Service.POP3, Protocol.POP3, TlsMode.IMPLICIT, "pop.test", 995),
        (Service.POP3, Protocol.POP3, TlsMode.STARTTLS, "pop.test", 110),
    }
    assert found.places[0].tls_mode is TlsMode.IMPLICIT  # as RFC 8314 prefers it
    assert not found.not_offered


def test_lower_priority_and_heavier_weight_come_first() -> None:
    found = read(
        imaps=[
            (20, 9, 993, "c.test"),
            (10, 1, 993, "b.test"),
            (10, 5, 993, "a.test"),
            (10, 1, 993, "a1.test"),
        ]
    )
    assert [place.host for place in found.places] == ["a.test", "a1.test", "b.test", "c.test"]


def test_a_dot_says_that_the_service_is_not_offered() -> None:
    assert read(pop3=[(0, 0, 0, "")], pop3s=[(0, 0, 0, "")]).not_offered == {Service.POP3}
    assert read(imaps=[(0, 0, 0, "")]).not_offered == {Service.IMAP}


def test_a_dot_for_one_name_leaves_the_other() -> None:
    found = read(imap=[(0, 0, 0, "")], imaps=[(0, 1, 993, "imap.test")])
    assert not found.not_offered
    assert [place.port for place in found.places] == [993]


def test_records_that_lead_nowhere_are_told() -> None:
    found = read(imaps=[(0, 1, 993, "192.0.2.1"), (0, 1, 0, "imap.test"), (0, 1, 993, "localhost")])
    assert found.places == ()
    assert [notice.id for notice in found.notices] == ["srv_bogus"] * 3


def test_a_failing_name_is_told_and_leaves_the_others() -> None:
    found = read(imaps=[(0, 1, 993, "imap.test")], submission=Status.TIMEOUT)
    assert [place.host for place in found.places] == ["imap.test"]
    assert found.trouble is not None
    assert found.trouble.reason is Reason.DNS_FAILURE


def test_a_crowd_of_records_is_cut() -> None:
    found = read(imaps=[(number, 0, 993, f"imap{number}.test") for number in range(100)])
    assert len(found.places) == MAX_PLACES


RECORD = st.tuples(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535), st.text(max_size=80))


@given(st.lists(RECORD, max_size=20), st.sampled_from(Status))
def test_no_record_breaks_the_reading(records: list[tuple[int, int, int, str]], status: Status) -> None:
    found = read(imaps=records, pop3=status)
    assert all(place.port for place in found.places)
