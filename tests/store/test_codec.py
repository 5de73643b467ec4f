"""Observations and events come back from the store's JSON as they went in."""

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given

from scanner.model import Observation, Phase
from scanner.store import codec
from scanner.store.event_codec import decode_event, encode_event
from tests.store.observations import FULL, observations, told


def there_and_back(observation: Observation, usual: codec.Texts | None = None) -> Observation:
    """What happens to an observation between two runs; the first with its contents sets the usual texts."""
    subject = codec.encode_endpoint(codec.stable_endpoint(observation))
    evidence = codec.encode_part(codec.stable_part(observation))
    texts = codec.texts_of(observation) if usual is None else usual
    row = codec.encode_sample(observation, texts)
    template = codec.build_template(codec.unpack(subject.body), codec.unpack(evidence.body))
    return codec.complete(template, row["started_at"], row["duration"], row["rest"], texts)


@given(observations)
def test_every_observation_comes_back(observation: Observation) -> None:
    assert there_and_back(observation) == observation


@given(observations)
def test_texts_come_back_where_others_are_usual(observation: Observation) -> None:
    usual: codec.Texts = {"banner": "220 another", "detail": None, "reply": "220 go"}
    assert there_and_back(observation, usual) == observation


def show(value: object) -> str:
    """Write a value with the types of all its parts; sets in an order of their own, and UTC as itself."""
    text = repr(value).replace("TzInfo(0)", "datetime.timezone.utc")
    return re.sub(r"frozenset\(\{(.*?)\}\)", lambda found: str(sorted(found[1].split(", "))), text)


def test_a_full_observation_comes_back_with_all_its_types() -> None:
    again = there_and_back(FULL)
    assert again == FULL
    assert show(again) == show(FULL)


def test_times_come_back_to_the_microsecond() -> None:
    odd = replace(FULL, duration=1 / 3, phases={Phase.TLS: 2 / 3})
    again = there_and_back(odd)
    assert (again.duration, again.phases) == (0.333333, {Phase.TLS: 0.666667})


def test_every_field_is_kept_somewhere() -> None:
    evidence = codec.unpack(codec.encode_part(codec.stable_part(FULL)).body)
    varying = {"endpoint", "started_at", "duration", "phases", "banner", "detail", "bytes_read"}
    in_memory = {"standing"}
    assert evidence.keys() | varying | in_memory == {field.name for field in fields(Observation)}
    assert not evidence.keys() & varying


def test_every_phase_has_its_place() -> None:
    assert sorted(codec.PHASES) == sorted(Phase)


def test_what_varies_does_not_change_the_contents() -> None:
    other = replace(
        FULL,
        endpoint=replace(FULL.endpoint, dns_seconds=1.0),
        duration=9.0,
        phases={},
        banner="220 other",
        detail=None,
        bytes_read=1,
        starttls=replace(FULL.starttls or pytest.fail("it has one"), reply="220 other"),
    )
    assert codec.encode_part(codec.stable_part(other)) == codec.encode_part(codec.stable_part(FULL))
    assert codec.encode_endpoint(codec.stable_endpoint(other)) == codec.encode_endpoint(
        codec.stable_endpoint(FULL)
    )


def test_the_order_of_a_set_does_not_change_the_contents() -> None:
    words = ["preauth", "legacy_tls_accepted", "auth_before_tls", "key_weak", "cipher_weak"]
    expectation = FULL.endpoint.expectation or pytest.fail("it has one")
    texts = {
        codec.encode_endpoint(
            replace(FULL.endpoint, expectation=replace(expectation, tolerated=frozenset(order)))
        ).hash
        for order in (words, words[::-1])
    }
    assert len(texts) == 1


def change(part: codec.Content, how: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    plain = codec.unpack(part.body)
    how(plain)
    return plain


def test_a_field_that_nobody_knows_is_passed_over() -> None:
    subject = change(codec.encode_endpoint(FULL.endpoint), lambda plain: plain.update(future=1))
    evidence = change(
        codec.encode_part(codec.stable_part(FULL)),
        lambda plain: (plain.update(future=[1]), plain["certificate"].update(future={}))[0],
    )
    template = codec.build_template(subject, evidence)
    assert template.certificate == FULL.certificate


def test_a_field_that_is_not_there_yet_has_its_default() -> None:
    subject = change(codec.encode_endpoint(FULL.endpoint), lambda plain: plain.pop("proof"))
    evidence = change(
        codec.encode_part(codec.stable_part(FULL)),
        lambda plain: (plain.pop("preferred_group"), plain["certificate"].pop("ocsp"))[0],
    )
    template = codec.build_template(subject, evidence)
    assert template.certificate is not None
    assert (template.preferred_group, template.certificate.ocsp) == (None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [("reason", "never_heard_of"), ("tls", 7), ("certificate", {}), ("verdicts", [{"id": "x"}])],
)
def test_what_cannot_be_understood_is_an_error(field: str, value: object) -> None:
    evidence = change(codec.encode_part(codec.stable_part(FULL)), lambda plain: plain.update({field: value}))
    with pytest.raises(ValueError, match=field):
        codec.build_template(codec.unpack(codec.encode_endpoint(FULL.endpoint).body), evidence)


@pytest.mark.parametrize("rest", ["", "[]", "{", '{"p":7}', '{"p":["x"]}', '{"t":7}', '{"d":[]}', "null"])
def test_a_damaged_sample_is_an_error(rest: str) -> None:
    with pytest.raises(ValueError):
        codec.complete(FULL, 0, 0, rest, {})


def test_a_body_cut_short_is_an_error() -> None:
    body = codec.encode_endpoint(FULL.endpoint).body
    with pytest.raises(ValueError, match="cut short"):
        codec.unpack(body[:-8])


def test_an_event_comes_back_with_its_number() -> None:
    event = told(3)
    row = encode_event(event)
    assert decode_event(7, row["body"]) == replace(event, id=7)
    assert (row["host"], row["port"], row["severity"]) == ("smtp.example.org", 587, 2)


def test_an_event_of_a_kind_nobody_knows_is_an_error() -> None:
    body = json.loads(encode_event(told(1))["body"]) | {"kind": "never_heard_of"}
    with pytest.raises(ValueError, match="kind"):
        decode_event(1, json.dumps(body))


def test_evidence_that_json_has_not_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        encode_event(replace(told(1), after={"what": object()}))
