"""Observations come back from their records as they went in, but for what is judged anew."""

import json
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given

from scanner.model import Observation, Reason
from scanner.model.record import to_line, to_record
from scanner.service.recorded import read_observation, rest_of
from tests.store.observations import FULL, observations

JUDGED: dict[str, Any] = {"level": 0, "verdicts": (), "standing": None}
"""What comes of judging, and is not read back."""


def there_and_back(observation: Observation) -> Observation:
    record = json.loads(to_line(to_record(observation)))
    return read_observation(record, json.loads(json.dumps(rest_of(observation))), observation.endpoint)


def as_in_records(observation: Observation) -> Observation:
    """With moments to the millisecond, as records have them, and no verdicts."""

    def cut(moment: datetime | None) -> datetime | None:
        return None if moment is None else moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    certificate = observation.certificate
    if certificate is not None:
        ocsp = certificate.ocsp
        certificate = replace(
            certificate,
            not_before=cut(certificate.not_before) or certificate.not_before,
            not_after=cut(certificate.not_after) or certificate.not_after,
            chain=tuple(replace(one, not_after=cut(one.not_after)) for one in certificate.chain),
            ocsp=None
            if ocsp is None
            else replace(ocsp, this_update=cut(ocsp.this_update), next_update=cut(ocsp.next_update)),
        )
    if observation.endpoint.dane is None:  # then there was nothing to hold it against
        observation = replace(observation, dane=None)
    if observation.versions is None:  # which the notes are of
        observation = replace(observation, version_notes=())
    if observation.tls is None and observation.versions is None:
        observation = replace(observation, preferred_group=None, post_quantum=None)
    moment = cut(observation.started_at) or observation.started_at
    return replace(observation, started_at=moment, certificate=certificate, **JUDGED)


def with_domain(observation: Observation) -> Observation:
    """Whatever is probed is probed for a domain, which an endpoint of any kind may lack."""
    domains = observation.endpoint.domains or ("example.org",)
    return replace(observation, endpoint=replace(observation.endpoint, domains=domains))


@given(observations.map(with_domain))
def test_every_observation_comes_back(observation: Observation) -> None:
    again = there_and_back(observation)
    assert again == as_in_records(observation)
    assert to_record(again) == to_record(replace(observation, **JUDGED))


@pytest.mark.parametrize(
    "changes",
    [
        {"started_at": "2026-01-01T00:00:00"},
        {"duration": float("nan")},
        {"duration": -1},
        {"vantage": "\ud800"},
        {"bytes_read": -1},
    ],
    ids=str,
)
def test_what_no_probe_can_have_seen_is_refused(changes: dict[str, Any]) -> None:
    record = json.loads(to_line(to_record(FULL)))
    rest = rest_of(FULL)
    assert read_observation(record, rest, FULL.endpoint).reason is FULL.reason
    with pytest.raises(ValueError):
        read_observation({**record, **changes}, rest, FULL.endpoint)


ODD = replace(
    FULL,
    reason=Reason.READ_TIMEOUT,
    hello="250-a",
    is_egress_clear=False,
    ehlo_reply="502 no",
    vantage="there",
    preauth=True,
    version_notes=("odd",),
    preferred_group="x25519",
)


def test_every_field_comes_back() -> None:
    assert there_and_back(ODD) == as_in_records(ODD)
    # All its fields are told apart from what stands where nothing is known: none can get lost unseen.
    empty = Observation(ODD.endpoint, ODD.started_at, ODD.duration)
    same = {field.name for field in fields(ODD) if getattr(ODD, field.name) == getattr(empty, field.name)}
    assert same == {"endpoint", "started_at", "duration", "standing"}
