"""What an answer to the question for MX records means (RFC 5321 section 5.1, RFC 7505)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.discovery.mx import MAX_HOSTS, MxFound, read_mx
from scanner.model import Reason, Service
from scanner.network.answer import Answer, MxRecord, Status


def answer(*records: tuple[int, str], status: Status = Status.FOUND, **more: Any) -> Answer[MxRecord]:
    return Answer("example.org", status, tuple(MxRecord(*record) for record in records), 600.0, **more)


def hosts(found: MxFound) -> list[str]:
    assert {(place.service, place.port) for place in found.offer.places} <= {(Service.MX, 25)}
    return [place.host for place in found.offer.places]


def notices(found: MxFound) -> list[str]:
    return [notice.id for notice in found.offer.notices]


def test_hosts_come_in_the_order_that_senders_try_them() -> None:
    found = read_mx("example.org", answer((20, "b.test"), (10, "c.test"), (10, "a.test")))
    assert hosts(found) == ["a.test", "c.test", "b.test"]
    assert (found.exists, found.is_null, found.is_implicit, found.ttl) == (True, False, False, 600.0)


def test_without_mx_records_the_domain_itself_takes_its_mail() -> None:
    found = read_mx("example.org", answer(status=Status.NO_DATA, is_authentic=True))
    assert hosts(found) == ["example.org"]
    assert found.is_implicit
    assert found.is_authentic


def test_a_null_mx_says_that_there_is_no_mail() -> None:
    found = read_mx("example.org", answer((0, "")))
    assert found.is_null
    assert found.offer.not_offered == {Service.MX}
    assert hosts(found) == notices(found) == []


def test_a_null_mx_beside_others_is_a_mistake() -> None:
    found = read_mx("example.org", answer((0, ""), (10, "mx.test")))
    assert hosts(found) == ["mx.test"]
    assert not found.is_null
    assert notices(found) == ["mx_bogus"]


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "2001:db8::1", "localhost", "a b.test", "-x.test", "x\\000.test", "127.1", "0x7f.1"]
)
def test_what_is_no_host_name_is_told_and_never_connected_to(host: str) -> None:
    found = read_mx("example.org", answer((10, host), (20, "mx.test")))
    assert hosts(found) == ["mx.test"]
    assert notices(found) == ["mx_bogus"]


def test_a_domain_that_does_not_exist_is_told_apart_from_one_without_mail() -> None:
    found = read_mx("example.org", answer(status=Status.NO_NAME))
    assert not found.exists
    assert found.offer.trouble is not None
    assert found.offer.trouble.reason is Reason.NAME_NOT_FOUND


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT, Status.BOGUS])
def test_a_failing_look_up_says_nothing_about_the_domain(status: Status) -> None:
    found = read_mx("example.org", answer(status=status, detail="no answer"))
    assert found.exists
    assert hosts(found) == []
    assert found.offer.trouble is not None
    assert (found.offer.trouble.reason, found.offer.trouble.detail) == (Reason.DNS_FAILURE, "no answer")


def test_old_records_stand_and_are_told_to_be_old() -> None:
    found = read_mx("example.org", answer((10, "mx.test"), is_stale=True, detail="old"))
    assert hosts(found) == ["mx.test"]
    assert found.offer.trouble is not None
    assert found.offer.trouble.reason is Reason.DNS_FAILURE


def test_a_crowd_of_mx_is_cut_and_told() -> None:
    found = read_mx("example.org", answer(*((number, f"mx{number}.test") for number in range(300))))
    assert hosts(found) == [f"mx{number}.test" for number in range(MAX_HOSTS)]
    assert notices(found) == ["mx_bogus"]


def test_one_host_under_several_spellings_is_one() -> None:
    found = read_mx("example.org", answer((10, "MX.test"), (20, "mx.TEST"), (30, "mx.test.")))
    assert hosts(found) == ["mx.test"]


@given(st.lists(st.tuples(st.integers(0, 65535), st.text(max_size=300)), max_size=40))
def test_no_record_breaks_the_reading(records: list[tuple[int, str]]) -> None:
    found = read_mx("example.org", answer(*records))
    assert len(found.offer.places) <= MAX_HOSTS
    assert all("." in host for host in hosts(found))
