"""The outlets of events: a webhook that is slow, down, refusing or lying, standard output, a service."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from signal import SIGTERM
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from scanner.config import default_settings, override
from scanner.model import Severity
from scanner.model.event import Event, EventKind
from scanner.network.webhook import Webhook
from scanner.service.outlets import Outlets
from scanner.service.webhook_outlet import MOST_WAITING, WebhookOutlet
from tests.cli.running_farm import RunningFarm
from tests.servers.certificates import Authority
from tests.servers.process import free_port
from tests.servers.receiver import Receiver, receiving
from tests.service.serving import serving
from tests.verdict.observations import NOW

DEADLINE = 20.0


async def nowhere(host: str) -> tuple[str, ...]:
    raise AssertionError(f"{host} was looked up")


async def loopback(host: str) -> tuple[str, ...]:
    assert host == "hooks.test"
    return ("127.0.0.1",)


def told(number: int, severity: Severity = Severity.WARNING) -> Event:
    at = NOW + timedelta(minutes=number)
    text = f"Event {number}."
    return Event(at, EventKind.EGRESS_CHANGED, f"port {number}", severity, text, uid=str(UUID(int=number)))


def hook(receiver: Receiver, **options: Any) -> Webhook:
    options = {"ca_file": None, "resolve": nowhere, "seconds": 5.0, **options}
    return Webhook(f"http://127.0.0.1:{receiver.port}/in?a=b", {"Authorization": "Bearer abc"}, **options)


@asynccontextmanager
async def running(counts: Counter[str], webhook: Webhook | None) -> AsyncIterator[WebhookOutlet]:
    """Run an outlet while the block does."""
    outlet = WebhookOutlet(lambda outcome: counts.update([outcome]), first_wait=0.01)
    outlet.adjust(webhook)
    task = asyncio.create_task(outlet.run())
    try:
        yield outlet
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not is_so():
            await asyncio.sleep(0.005)


async def test_events_are_posted_one_after_the_other_in_their_order() -> None:
    counts: Counter[str] = Counter()
    with receiving() as receiver:
        async with running(counts, hook(receiver)) as outlet:
            for number in range(1, 6):
                outlet.take(told(number))
            await outlet.until_idle(DEADLINE)
        taken = [receiver.take_all() for _ in range(5)]
    assert [document["subject"] for _, document in taken] == [f"port {number}" for number in range(1, 6)]
    assert counts == {"delivered": 5}
    head, document = taken[0]
    assert head["Content-Type"] == "application/json; charset=utf-8"
    assert head["Authorization"] == "Bearer abc"
    assert head["User-Agent"].startswith("mailport/")
    names = [str(UUID(int=number)) for number in range(1, 6)]
    assert [head["Idempotency-Key"] for head, _ in taken] == names
    assert [head["webhook-id"] for head, _ in taken] == names
    assert [document["uid"] for _, document in taken] == names
    assert document["kind"] == "egress_changed"
    assert (document["at"], document["severity"]) == ("2026-01-15T12:01:00.000Z", "warning")


async def test_what_fails_is_sent_again_and_nothing_overtakes_it() -> None:
    counts: Counter[str] = Counter()
    with receiving() as receiver, capture_logs() as logs:
        receiver.answers.extend([500, 429, 302, 503])
        async with running(counts, hook(receiver)) as outlet:
            outlet.take(told(1))
            outlet.take(told(2))
            await outlet.until_idle(DEADLINE)
        taken = [receiver.take_all() for _ in range(6)]
    assert [document["subject"] for _, document in taken] == ["port 1"] * 5 + ["port 2"]
    assert {head["webhook-id"] for head, _ in taken[:5]} == {str(UUID(int=1))}
    assert counts == {"failed": 4, "delivered": 2}
    assert [line["event"] for line in logs] == ["webhook_down"] * 4 + ["webhook_up"]
    assert logs[0]["error"] == "the receiver answers 500"


async def test_what_the_receiver_refuses_holds_nothing_up() -> None:
    counts: Counter[str] = Counter()
    with receiving() as receiver, capture_logs() as logs:
        receiver.answers.append(400)
        async with running(counts, hook(receiver)) as outlet:
            outlet.take(told(1))
            outlet.take(told(2))
            await outlet.until_idle(DEADLINE)
        assert receiver.requests == 2
    assert counts == {"refused": 1, "delivered": 1}
    assert [(line["event"], line["error"]) for line in logs] == [
        ("webhook_refused", "the receiver answers 400")
    ]


async def test_a_receiver_that_is_not_there_is_waited_for() -> None:
    counts: Counter[str] = Counter()
    port = free_port()
    webhook = Webhook(f"http://127.0.0.1:{port}/", {}, ca_file=None, resolve=nowhere)
    with capture_logs() as logs, receiving() as receiver:
        async with running(counts, webhook) as outlet:
            outlet.take(told(1))
            await until(lambda: counts["failed"] >= 3)
            assert [line["event"] for line in logs] == ["webhook_down"], "told once"
            assert logs[0]["error"] == "Connection refused"
            outlet.adjust(hook(receiver))
            await outlet.until_idle(DEADLINE)
            assert receiver.take()["subject"] == "port 1"


async def test_a_receiver_that_does_not_answer_is_given_up_after_a_time() -> None:
    counts: Counter[str] = Counter()
    with receiving() as receiver, capture_logs() as logs:
        receiver.gate.clear()
        async with running(counts, hook(receiver, seconds=0.1)) as outlet:
            outlet.take(told(1))
            await until(lambda: counts["failed"] >= 1)
            receiver.gate.set()
            await outlet.until_idle(DEADLINE)
    assert counts["delivered"] == 1
    assert logs[0]["error"] == "no answer within 0.1 s"


async def test_too_many_events_cost_the_oldest() -> None:
    counts: Counter[str] = Counter()
    with receiving() as receiver, capture_logs() as logs:
        receiver.gate.clear()
        async with running(counts, hook(receiver)) as outlet:
            outlet.take(told(0))
            await until(lambda: receiver.requests == 1)
            for number in range(1, MOST_WAITING + 11):
                outlet.take(told(number))
            assert counts == {"dropped": 10}
            receiver.gate.set()
            await outlet.until_idle(DEADLINE)
        subjects = [receiver.take()["subject"] for _ in range(MOST_WAITING + 1)]
    assert subjects == ["port 0", *(f"port {number}" for number in range(11, MOST_WAITING + 11))]
    assert counts == {"dropped": 10, "delivered": MOST_WAITING + 1}
    assert [(line["event"], line["dropped"]) for line in logs] == [
        ("webhook_events_dropped", 1),
        ("webhook_up", 10),
    ]


async def test_what_waits_is_given_up_where_the_webhook_is_switched_off() -> None:
    counts: Counter[str] = Counter()
    with receiving() as receiver:
        receiver.answers.extend([500] * 1000)
        async with running(counts, hook(receiver)) as outlet:
            for number in range(3):
                outlet.take(told(number))
            await until(lambda: counts["failed"] >= 1)
            outlet.adjust(None)
            await outlet.until_idle(DEADLINE)
            outlet.take(told(4))
    assert counts["dropped"] == 3
    assert counts["delivered"] == 0


async def test_certificates_are_verified(authority: Authority) -> None:
    leaf = authority.issue("hooks.test")
    with receiving(leaf) as receiver:
        url = f"https://hooks.test:{receiver.port}/"
        trusting = Webhook(url, {}, ca_file=authority.ca_file, resolve=loopback)
        doubting = Webhook(url, {}, ca_file=None, resolve=loopback)
        misled = Webhook(
            f"https://127.0.0.1:{receiver.port}/", {}, ca_file=authority.ca_file, resolve=nowhere
        )
        try:
            assert (await trusting.post(b"{}")).is_taken
            for webhook in (doubting, misled):
                posted = await webhook.post(b"{}")
                assert (posted.status, posted.is_refused) == (None, False)
                assert "certificate verify failed" in str(posted)
        finally:
            for webhook in (trusting, doubting, misled):
                await webhook.close()
        assert receiver.requests == 1


async def test_only_what_weighs_enough_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    settings = override(default_settings(()), {"events.stdout": True})
    outlets = Outlets(settings, nowhere, lambda outcome: counts.update([outcome]))
    outlets.take(told(1, Severity.NOTICE))
    outlets.take(told(2))
    outlets.take(told(3, Severity.CRITICAL))
    await outlets.drain(DEADLINE)
    outlets.adjust(override(settings, {"events.severity": "critical"}))
    outlets.take(told(4))
    outlets.adjust(override(settings, {"events.stdout": False}))
    outlets.take(told(5))
    await outlets.drain(DEADLINE)
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["subject"] for line in lines] == ["port 2", "port 3"]
    assert counts == {"delivered": 2}


def test_who_heard_the_beginning_of_a_trouble_hears_its_end(capfd: pytest.CaptureFixture[str]) -> None:
    settings = override(default_settings([]), {"events.stdout": True, "events.severity": "warning"})
    outlets = Outlets(settings, nowhere, lambda _outcome: None)
    for number, ended in enumerate((None, Severity.NOTICE, Severity.WARNING, Severity.CRITICAL)):
        outlets.take(replace(told(number, Severity.NOTICE), ended=ended))
    asyncio.run(outlets.drain(DEADLINE))
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["subject"], line["severity"], line["ended"]) for line in lines] == [
        ("port 2", "notice", "warning"),
        ("port 3", "notice", "critical"),
    ]


def document(farm: RunningFarm, tmp_path: Path, receiver: Receiver, **events: object) -> dict[str, Any]:
    settings = {"webhook": f"http://127.0.0.1:{receiver.port}/in", "severity": "notice", **events}
    return {
        **farm.settings,
        "targets": farm.targets("tls10-only"),
        "schedule": {"interval": 1, "jitter": 0},
        "policy": {"baseline_after": 1},
        "controls": False,
        "store": f"sqlite:///{tmp_path}/mailport.db",
        "events": settings,
    }


def test_a_service_tells_its_events_and_incidents(farm: RunningFarm, tmp_path: Path) -> None:
    with receiving() as receiver:
        headers = {"Authorization": "Bearer hush"}
        settings = document(farm, tmp_path, receiver, webhook_headers=headers, stdout=True)
        with serving(tmp_path, settings) as service:
            found = [receiver.take(20) for _ in range(3)]
            assert {each["kind"] for each in found} == {
                "verdict_raised",
                "baseline_learnt",
                "incident_opened",
            }
            assert all("id" not in each for each in found)
            lines = [json.loads(service.running.read_line()) for _ in range(3)]
            assert lines == found
            name = "mailport_event_deliveries_total"
            service.running.wait_until(lambda: service.value(name, outcome="delivered") == 6)
            assert service.value(name, outcome="dropped") == 0
            settings_shown = service.ask("/config")[1]
            assert "hush" not in settings_shown
            assert str(receiver.port) not in settings_shown
            assert service.running.end(SIGTERM)[0] == 0


def test_a_reload_tells_others(farm: RunningFarm, tmp_path: Path) -> None:
    with (
        receiving() as first,
        receiving() as second,
        serving(tmp_path, document(farm, tmp_path, first)) as service,
    ):
        assert "incident_opened" in {first.take(20)["kind"] for _ in range(3)}
        changed = document(farm, tmp_path, second) | {"targets": farm.targets("tls12-only")}
        service.write_config(changed)
        assert service.ask("/-/reload", method="POST")[0] == 200
        assert {second.take(20)["kind"] for _ in range(2)} == {"baseline_learnt", "incident_closed"}


def test_a_receiver_that_hangs_and_a_reader_that_stopped_hold_nothing_up(
    farm: RunningFarm, tmp_path: Path
) -> None:
    with receiving() as receiver:
        receiver.gate.clear()
        with serving(tmp_path, document(farm, tmp_path, receiver, stdout=True)) as service:
            service.running.close_stdout()
            receiver.take(20)
            service.wait_for_event("stdout_lost")
            before = service.value("mailport_probes_total", protocol="smtp", state="open")
            service.running.wait_until(
                lambda: service.value("mailport_probes_total", protocol="smtp", state="open") >= before + 2
            )
            status, seconds = service.running.end(SIGTERM)
            assert (status, seconds < 2.0) == (0, True)
            (line,) = (line for line in service.log if line["event"] == "webhook_closed_unsent")
            assert line["waiting"] >= 1
