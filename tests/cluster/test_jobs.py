"""What goes over the wire, and that nothing else gets through."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.cluster.fleet import Fleet
from scanner.cluster.jobs import MOST_BYTES, Batch, Job, Knock, endpoint_of, job_for, read_batch
from scanner.cluster.remote_prober import RemoteProber, number_for
from scanner.cluster.results import (
    Plain,
    read_answer,
    read_delivery,
    say_answer,
    say_observation,
    say_refused,
    write_delivery,
)
from scanner.cluster.tally import Tally
from scanner.config import ProbeSettings
from scanner.model import Dane, DaneStatus, Expectation, Observation, Reason
from scanner.model.published import TlsaRecord
from scanner.protocol import Findings, TlsClient
from scanner.protocol.client_hello import make_hello
from scanner.protocol.server_hello import Alert, Answer, NoHello, ServerHello, Silence, Ssl2Hello
from scanner.store.codec import read_whole, write_whole
from scanner.verdict import Policy
from tests.metrics.samples import GOOD, SUBMISSION
from tests.store.observations import FULL, observations

JOB: dict[str, Any] = {
    "id": "0a-1",
    "host": "mx.test",
    "address": "192.0.2.1",
    "port": 25,
    "protocol": "smtp",
}
JOB["tls_mode"] = "starttls"
HELLO = make_hello("TLSv1.2", "mx.test", random=bytes(32))


def batch(**changes: Any) -> str:
    return json.dumps({"id": "b", "jobs": [{**JOB, **changes}]})


def test_a_batch_comes_through() -> None:
    job = job_for(replace(SUBMISSION, source="srv"), number_for(SUBMISSION), HELLO)
    sent = Batch(id="ab", jobs=(job,))
    assert read_batch(sent.model_dump_json(exclude_defaults=True)) == sent
    endpoint = endpoint_of(job)
    assert endpoint.key == SUBMISSION.key
    assert endpoint.sources == tuple((domain, "srv") for domain in SUBMISSION.domains)
    assert job.hello == HELLO.hex()


def test_a_worker_is_told_what_binds_the_certificate() -> None:
    record = TlsaRecord(3, 1, 1, bytes(range(32)))
    bound = Expectation(provider="x", dane=Dane(DaneStatus.SECURE, (record,)))
    found = endpoint_of(job_for(replace(SUBMISSION, expectation=bound), "1"))
    assert found.dane == Dane(DaneStatus.SECURE, (record,))
    assert found.domains == SUBMISSION.domains
    unbound = replace(bound, dane=Dane(DaneStatus.INSECURE, (record,)))
    assert endpoint_of(job_for(replace(SUBMISSION, expectation=unbound), "1")).dane is None


@pytest.mark.parametrize(
    "changes",
    [
        {"port": 0},
        {"port": 65536},
        {"port": "25"},
        {"port": True},
        {"host": ""},
        {"host": "MX.test"},
        {"host": "a b"},
        {"host": "x" * 254},
        {"address": "mx.test"},
        {"address": "192.0.2.01"},
        {"address": "fe80::1%eth0"},
        {"address": "2001:DB8::1"},
        {"protocol": "http"},
        {"tls_mode": "none"},
        {"id": "../x"},
        {"id": ""},
        {"hello": "xyz"},
        {"hello": ""},
        {"hello": "00" * 5000},
        {"hello": b"EHLO me\r\nMAIL FROM:<a@mx.test>\r\n".hex()},
        {"hello": HELLO.hex() + b"\r\nQUIT\r\n".hex()},
        {"hello": HELLO[:-1].hex()},
        {"names": ["a.test"] * 1001},
        {"tlsa": [{"usage": 256, "selector": 0, "matching_type": 0, "data": ""}]},
        {"tlsa": [{"usage": 3, "selector": 0, "matching_type": 0, "data": "0"}]},
        {"ehlo_name": "me"},
        {"timeout": 9999},
    ],
    ids=str,
)
def test_a_job_beyond_its_schema_is_refused(changes: dict[str, Any]) -> None:
    assert len(read_batch(batch()).jobs) == 1
    with pytest.raises(ValueError):
        read_batch(batch(**changes))


def test_what_is_too_deep_is_a_value_error() -> None:
    for read in (read_batch, read_delivery):
        with pytest.raises(ValueError):
            read("[" * 200_000)


@given(st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.dictionaries(st.text(), st.text())))
def test_anything_else_is_a_value_error(given_: object) -> None:
    for read in (read_batch, read_delivery):
        with pytest.raises(ValueError):
            read(given_)


def test_what_is_too_much_is_not_read() -> None:
    for read in (read_batch, read_delivery):
        with pytest.raises(ValueError, match="too long"):
            read(" " * (MOST_BYTES + 1))
    with pytest.raises(ValueError, match="at most 8"):
        read_batch(json.dumps({"id": "b", "jobs": [JOB] * 9}))


@given(observations)
def test_an_observation_comes_back_as_it_was_seen(seen: Observation) -> None:
    (result,) = read_delivery(write_delivery("w", [("b", say_observation("1", seen))])).results
    found = read_whole(result.body["seen"], seen.endpoint)
    assert found == replace(seen, level=0, verdicts=(), standing=None)


@pytest.mark.parametrize("plain", [{}, {"started_at": "x"}, {"endpoint": {}}, {"certificate": 5}])
def test_what_is_no_observation_is_a_value_error(plain: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        read_whole(plain, FULL.endpoint)


@pytest.mark.parametrize(
    "changes",
    [
        {"started_at": "2026-01-01T00:00:00"},
        {"duration": float("nan")},
        {"duration": float("inf")},
        {"duration": -1.0},
        {"phases": {"connect": 1e300}},
        {"bytes_read": -1},
        {"bytes_read": 2**64},
        {"certificate": {"not_after": "2026-01-01T00:00:00"}},
    ],
    ids=str,
)
def test_what_no_probe_can_have_seen_is_a_value_error(changes: dict[str, Any]) -> None:
    plain: dict[str, Any] = json.loads(write_whole(FULL))
    assert read_whole(plain, FULL.endpoint).certificate is not None
    if "certificate" in changes:
        changes = {"certificate": {**plain["certificate"], **changes["certificate"]}}
    with pytest.raises(ValueError):
        read_whole({**plain, **changes}, FULL.endpoint)


class OneAnswer(Fleet):
    """A fleet whose workers give one answer to every job."""

    def __init__(self, body: Plain) -> None:
        self._body = body
        self.tally = Tally()

    async def do(self, job: Job | Knock) -> Plain:
        return self._body


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"])
async def test_a_worker_with_a_wrong_clock_does_not_move_a_probe_to_another_time(moment: str) -> None:
    plain = json.loads(write_whole(FULL))
    fleet = OneAnswer({"seen": {**plain, "started_at": moment}})
    prober = RemoteProber(
        fleet,
        ProbeSettings(),
        ehlo_name="probe.mail.test",
        tls=TlsClient(),
        policy=Policy(),
    )
    before = datetime.now(UTC)
    seen = await prober.probe(FULL.endpoint)
    assert before <= seen.started_at <= datetime.now(UTC)
    assert (seen.reason, seen.banner) == (FULL.reason, FULL.banner)
    assert fleet.tally.corrected == 1


@pytest.mark.parametrize(
    "answer",
    [
        None,
        ServerHello("TLSv1.3", 0x1301, 29, is_retry=True),
        ServerHello("TLSv1.1", 47, sentinel="TLSv1.2"),
        Alert(2, 70),
        Ssl2Hello(3),
        NoHello(Silence.NOT_TLS, "220 mx"),
        NoHello(Silence.TIMEOUT),
    ],
    ids=str,
)
@pytest.mark.parametrize("reason", [None, Reason.CONNECTION_REFUSED])
def test_an_answer_to_a_hello_comes_back(answer: Answer | None, reason: Reason | None) -> None:
    found = Findings()
    if reason is not None:
        found.fail(reason, "why")
    (result,) = read_delivery(write_delivery("w", [("b", say_answer("1", answer, found))])).results
    again, told = read_answer(result.body)
    assert again == answer
    assert (told.reason, told.detail) == (found.reason, found.detail)


def test_a_refusal_is_no_answer() -> None:
    answer, found = read_answer(json.loads(say_refused("1", "loopback").body))
    assert answer is None
    assert (found.reason, found.detail) == (Reason.ADDRESS_NOT_ALLOWED, "loopback")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"answer": {"kind": "eval"}, "reason": None, "detail": None},
        {"answer": {"kind": "none", "how": "x", "detail": None}, "reason": None, "detail": None},
        {"answer": {"kind": "hello", "version": 5}, "reason": None, "detail": None},
        {"answer": None, "reason": "no such reason", "detail": None},
        {"seen": {}},
    ],
    ids=str,
)
def test_what_is_no_answer_is_a_value_error(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_answer(body)


def test_each_job_has_a_number_of_its_own_by_which_its_endpoint_is_known() -> None:
    first, second = number_for(SUBMISSION), number_for(SUBMISSION)
    assert first != second
    assert first.partition("-")[0] == second.partition("-")[0]
    assert number_for(GOOD.endpoint).partition("-")[0] == first.partition("-")[0]
