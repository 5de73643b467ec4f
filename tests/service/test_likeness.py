"""What one probe may serve: whatever is alike in what the probe asks, however it is judged."""

from dataclasses import replace
from typing import Any

import pytest

from scanner.model import Dane, DaneStatus, Endpoint, Expectation, StsClaim, StsMode, StsPolicy, TlsaRecord
from scanner.service.likeness import asked_of
from tests.metrics.samples import at

END_ENTITY, TRUST_ANCHOR = (TlsaRecord(usage, 1, 1, bytes(32)) for usage in (3, 2))
MX = replace(at("mx.example.org", 25), source="mx", domains=("a.example",))


def published(*records: TlsaRecord, status: DaneStatus = DaneStatus.SECURE, **changes: Any) -> Endpoint:
    return replace(MX, **changes, expectation=Expectation(dane=Dane(status, records)))


def test_policies_and_domains_are_not_asked_for() -> None:
    claim = StsClaim(StsPolicy(StsMode.ENFORCE, ("mx.example",), 60), ("b.example",))
    strict = replace(MX, domains=("b.example",), expectation=Expectation(mta_sts=(claim,)))
    assert asked_of(MX) == asked_of(strict) == ""


@pytest.mark.parametrize("status", [one for one in DaneStatus if one is not DaneStatus.SECURE])
def test_records_that_bind_nobody_are_held_against_no_certificate(status: DaneStatus) -> None:
    assert asked_of(published(END_ENTITY, status=status)) == ""


def test_records_that_bind_are_asked_for_and_the_domains_only_where_the_certificate_may_name_them() -> None:
    others: dict[str, Any] = {"domains": ("b.example",)}
    assert asked_of(published(END_ENTITY)) == asked_of(published(END_ENTITY, **others)) != ""
    assert asked_of(published(TRUST_ANCHOR)) != asked_of(published(TRUST_ANCHOR, **others))
    assert asked_of(published(END_ENTITY)) != asked_of(published(TRUST_ANCHOR))


def test_domains_that_name_a_server_by_srv_are_asked_for() -> None:
    by_srv = replace(MX, sources=(("a.example", "mx"), ("b.example", "srv")))
    assert asked_of(by_srv) not in {"", asked_of(replace(by_srv, sources=(("c.example", "srv"),)))}
    assert asked_of(by_srv) == asked_of(replace(by_srv, sources=(("d.example", "mx"), ("b.example", "srv"))))
