"""The real prober on a farm: endpoints from scenarios, short time limits, more scenarios for these tests."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from scanner.config import default_settings, override
from scanner.demo import DOMAIN, Farm, Scenario, rows_of
from scanner.demo.authority import CertificateKind
from scanner.demo.channel import Channel
from scanner.demo.dialogue import Behaviour, Setting
from scanner.demo.hostile import Flood
from scanner.demo.scenario import WAITS, NoServer, describe, fails, opens
from scanner.demo.smtp import Smtp
from scanner.demo.tls import TlsPolicy
from scanner.model import Endpoint, Observation, Reason, role_of
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.verdict import Policy

LIMIT_SECONDS = 3.0
"""The cap on connect and on every read; the farm's time bounds are made for it."""
GREETING_DELAY_SECONDS = 1.0
EHLO_NAME = f"probe.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class MuteAtQuit:
    """Greets, answers EHLO, and never answers QUIT."""

    async def serve(self, channel: Channel, setting: Setting, /) -> None:
        await channel.send(f"220 {setting.host} ESMTP\r\n".encode())
        while not (await channel.read_line()).startswith("QUIT"):
            await channel.send(f"250 {setting.host}\r\n".encode())
        await channel.ignore()


@dataclass(frozen=True, slots=True)
class DripInside:
    """Greets and then answers EHLO one byte at a time, without end."""

    interval: float = 0.05

    async def serve(self, channel: Channel, setting: Setting, /) -> None:
        await channel.send(f"220 {setting.host} ESMTP\r\n".encode())
        await channel.read_line()
        while True:
            await channel.send(b"2")
            await channel.pause(self.interval)


def behaviour_of(name: str) -> Behaviour | NoServer:
    """Return how a host of the farm behaves, for the same on another port."""
    return rows_of(name)[0].behaviour


_LONG_LINE = b"220-" + b"a" * 8_000 + b"\r\n"

MORE: tuple[Scenario, ...] = (
    describe(
        "flood",
        "long greeting lines without end",
        25,
        Flood(_LONG_LINE, 10_000_000),
        fails(Reason.PROTOCOL_ERROR),
    ),
    describe(
        "flood-in-tls",
        "300 KiB of capabilities inside TLS",
        465,
        Smtp(after=("X" * 8_000,) * 40),
        fails(Reason.PROTOCOL_ERROR),
    ),
    describe(
        "expired-554",
        "an expired certificate, and 554 inside TLS",
        465,
        behaviour_of("greeting-554"),
        fails(Reason.GREETING_REJECTED, "greeting_rejected", "certificate_expired"),
        tls=TlsPolicy(certificate=CertificateKind.EXPIRED),
    ),
    describe(
        "mute-in-tls",
        "never answers EHLO inside TLS",
        465,
        behaviour_of("mute-after-ehlo"),
        fails(Reason.READ_TIMEOUT, bound=WAITS),
    ),
    describe(
        "bye-in-tls",
        "IMAP inside TLS 1.2 that says BYE",
        993,
        behaviour_of("imap-bye"),
        fails(Reason.IMAP_BYE, "greeting_rejected"),
        tls=TlsPolicy("TLSv1.2", "TLSv1.2"),
    ),
    describe(
        "mute-at-quit", "never answers QUIT", 25, MuteAtQuit(), opens("starttls_missing"), greeting_delay=2.0
    ),
)


def endpoint_of(farm: Farm, scenario: Scenario) -> Endpoint:
    """Return the endpoint that the scenario is on this farm."""
    return Endpoint(
        host=scenario.host,
        address=farm.address_of(scenario),
        port=farm.port_of(scenario),
        protocol=scenario.protocol,
        tls_mode=scenario.tls_mode,
        role=role_of(scenario.protocol, scenario.port),
        source="operator",
        domains=(scenario.host,),
    )


def prober_for(farm: Farm, **changes: object) -> Prober:
    """Make a prober that trusts the farm's CA; `changes` are settings of `probe`."""
    wanted = {"timeout": LIMIT_SECONDS, **changes}
    settings = override(default_settings(()), {f"probe.{name}": value for name, value in wanted.items()})
    return Prober(
        settings.probe,
        ehlo_name=EHLO_NAME,
        tls=TlsClient(farm.ca_file),
        policy=Policy(),
        vantage="test",
    )


async def probe_one(farm: Farm, scenario: Scenario, **changes: object) -> Observation:
    """Probe one scenario."""
    return await prober_for(farm, **changes).probe(endpoint_of(farm, scenario))


async def until(is_true: Callable[[], bool], seconds: float = 2.0) -> None:
    """Let the loop run until something is true; TimeoutError where it does not become so in time."""
    async with asyncio.timeout(seconds):
        while not is_true():
            await asyncio.sleep(0.002)
