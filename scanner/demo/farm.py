"""The farm: every scenario's server on its own loopback address, with a DNS server that knows their names."""

import asyncio
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from OpenSSL import SSL

from scanner.demo.authority import Authority
from scanner.demo.blocked import BlockedPort, NotBlockableError
from scanner.demo.dialogue import Behaviour, Setting
from scanner.demo.dns import NameServer
from scanner.demo.journal import Journal
from scanner.demo.layout import FarmError, Layout, lay_out
from scanner.demo.listener import Listener
from scanner.demo.names import DOMAINS, farm_records
from scanner.demo.scenario import NoServer, Scenario
from scanner.demo.scenarios import SCENARIOS
from scanner.demo.tls import TlsPolicy, make_context
from scanner.demo.zone import Records, Zone
from scanner.model import TlsMode

_JOURNAL_LENGTH = 50_000
_NOT_OPEN = "the farm has not been opened: enter it with `async with`"


class Farm:
    """All servers, while the `async with` block lasts; entering raises FarmError where they cannot be."""

    def __init__(
        self,
        scenarios: Sequence[Scenario] = SCENARIOS,
        *,
        base: str | None = "127.0.7.0",
        real_ports: bool | None = None,
        greeting_delay: float | None = None,
        records: Records | None = None,
        journal_length: int = _JOURNAL_LENGTH,
    ) -> None:
        """Plan the farm.

        `base` is the address that hosts are counted from; None looks for a free block of loopback addresses.
        `real_ports` None uses the real ports where it may, and port + 20000 elsewhere. `greeting_delay`
        (seconds) replaces the delay of slow greetings. `records` go into the DNS beside the farm's own and
        replace those of the same name. `journal_length` bounds the log.
        """
        self.scenarios = tuple(scenarios)
        self.log: Journal = deque(maxlen=journal_length)
        self._base = base
        self._real_ports = real_ports
        self._greeting_delay = greeting_delay
        self._records = records or {}
        self._exits = AsyncExitStack()
        self._listeners: dict[tuple[str, int], Listener] = {}
        self._layout: Layout | None = None
        self._ca_file: Path | None = None

    async def __aenter__(self) -> Self:
        """Open everything."""
        async with AsyncExitStack() as exits:
            folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="mailport-demo-"))
            layout = lay_out(self.scenarios, base=self._base, real_ports=self._real_ports)
            exits.callback(layout.close)
            authority = Authority(datetime.now(UTC))
            self._ca_file = authority.write_ca(Path(folder) / "ca.pem")
            await self._open_dns(layout, exits)
            await self._open_ports(layout, authority, exits)
            await self._block_ports(layout, exits)
            self._layout = layout
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything: tasks, sockets and files."""
        await self._exits.aclose()

    @property
    def ca_file(self) -> Path:
        """The PEM file of the CA that the good certificates lead to."""
        if self._ca_file is None:
            raise FarmError(_NOT_OPEN)
        return self._ca_file

    @property
    def resolver(self) -> str:
        """The farm's DNS server as `address:port`."""
        address, port = self._plan.resolver
        return f"{address}:{port}"

    @property
    def has_high_ports(self) -> bool:
        """Whether the ports are not the real ones, since they could not be had."""
        return self._plan.offset != 0

    def port_of(self, scenario: Scenario) -> int:
        """Return the port the scenario really has, which may be a high one."""
        return scenario.port + self._plan.offset

    def address_of(self, scenario: Scenario) -> str:
        """Return the loopback address of the scenario's host."""
        return self._plan.addresses[scenario.host]

    def target_of(self, scenario: Scenario) -> str:
        """Return the target with protocol and TLS mode spelled out, such as `smtps://healthy.mail.test:465`."""
        scheme = scenario.protocol + ("s" if scenario.tls_mode is TlsMode.IMPLICIT else "")
        return f"{scheme}://{scenario.host}:{self.port_of(scenario)}"

    def change(self, scenario: Scenario, behaviour: Behaviour) -> None:
        """Let a scenario's server behave otherwise from now on; raises KeyError where it has no server."""
        self._listeners[scenario.key].change(behaviour)

    @property
    def _plan(self) -> Layout:
        if self._layout is None:
            raise FarmError(_NOT_OPEN)
        return self._layout

    async def _open_dns(self, layout: Layout, exits: AsyncExitStack) -> None:
        records = farm_records(layout.addresses, layout.offset)
        server = NameServer(Zone({**records, **self._records}))
        exits.push_async_callback(server.close)
        await server.start(*layout.hand_over_dns())

    async def _open_ports(self, layout: Layout, authority: Authority, exits: AsyncExitStack) -> None:
        contexts: dict[tuple[str, TlsPolicy], SSL.Context] = {}
        for scenario in self.scenarios:
            if isinstance(scenario.behaviour, NoServer):
                continue
            place = (scenario.host, scenario.tls)
            if place not in contexts:
                identity = authority.issue(scenario.tls.certificate, scenario.host)
                contexts[place] = make_context(scenario.tls, identity)
            listener = Listener(scenario.behaviour, self._setting_of(scenario, contexts[place]), self.log)
            self._listeners[scenario.key] = listener
            exits.push_async_callback(listener.close)
            await listener.start(layout.hand_over(scenario))

    async def _block_ports(self, layout: Layout, exits: AsyncExitStack) -> None:
        ports = []
        for scenario in self.scenarios:
            if scenario.behaviour is NoServer.BLOCKED:
                ports.append(BlockedPort(layout.hand_over(scenario)))
                exits.callback(ports[-1].close)
        try:
            await asyncio.gather(*(port.block() for port in ports))
        except NotBlockableError as error:
            raise FarmError(f"this system cannot play a blocked port: {error}") from error

    def _setting_of(self, scenario: Scenario, context: SSL.Context) -> Setting:
        delay = scenario.greeting_delay
        if delay > 0 and self._greeting_delay is not None:
            delay = self._greeting_delay
        return Setting(scenario.host, scenario.tls_mode is TlsMode.IMPLICIT, context, delay)


def targets(farm: Farm) -> list[str]:
    """Return the targets of all scenarios of an open farm, in the order of the table."""
    return [farm.target_of(scenario) for scenario in farm.scenarios]


def domains(farm: Farm) -> list[str]:
    """Return the mail domains of an open farm; none where it has high ports, since an MX has port 25."""
    return [] if farm.has_high_ports else list(DOMAINS)
