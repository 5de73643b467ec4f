"""The limits of the settings: each read, the connect, and the whole probe from its first moment on."""

import asyncio
import socket
from typing import Any

import pytest
import uvloop

import scanner.probe.prober
from scanner.demo import Farm, rows_of
from scanner.model import Observation, Reason
from scanner.network import open_connection
from tests.probe.probing import probe_one


def probe(name: str, port: int, **changes: object) -> Observation:
    async def main() -> Observation:
        (row,) = [row for row in rows_of(name) if row.port == port]
        async with Farm([row], base=None) as farm:
            return await probe_one(farm, row, **changes)

    return uvloop.run(main())


def test_the_cap_holds_for_connect_and_every_read() -> None:
    for name, reason in (("blocked", Reason.CONNECT_TIMEOUT), ("mute-after-ehlo", Reason.READ_TIMEOUT)):
        observation = probe(name, 25, timeout=0.3)
        assert observation.reason is reason
        assert 0.29 < observation.duration < 1


def test_without_a_cap_each_step_has_its_own_limit() -> None:
    observation = probe("blocked", 25, timeout=None, connect_timeout=0.3)
    assert observation.reason is Reason.CONNECT_TIMEOUT
    assert observation.duration < 1
    observation = probe("tls-mute", 993, timeout=0.3, greeting_timeout=20)
    assert observation.reason is Reason.TLS_TIMEOUT
    assert observation.duration < 1


def test_a_silent_port_gets_its_greeting_time_and_one_last_question() -> None:
    observation = probe("mute", 25, timeout=None, greeting_timeout=0.3)
    assert observation.reason is Reason.NO_GREETING
    assert 0.3 + 1.4 < observation.duration < 0.3 + 2.5


def test_connecting_never_takes_longer_than_the_whole_probe_may() -> None:
    observation = probe("blocked", 25, timeout=30, total_timeout=0.3)
    assert observation.reason is Reason.CONNECT_TIMEOUT
    assert observation.duration < 1


def test_the_time_of_connecting_counts_towards_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect_slowly(address: str, port: int, *, timeout: float, **more: Any) -> socket.socket:
        await asyncio.sleep(0.5)
        return await open_connection(
            address,
            port,
            timeout=timeout,
            **more,
        )

    monkeypatch.setattr(scanner.probe.prober, "open_connection", connect_slowly)
    observation = probe("mute-after-ehlo", 25, timeout=30, total_timeout=0.8)
    assert observation.reason is Reason.READ_TIMEOUT
    assert observation.detail == "the whole probe took longer than 0.8 s"
    assert 0.79 < observation.duration < 1.2
