"""Asks the controls of one gate: looks their addresses up and makes the connections in their turn."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from scanner.config.controls import ControlSettings
from scanner.model import Endpoint, Observation, role_of
from scanner.model.control import CONTROL, Control, Gate, realm_of, realm_of_dark
from scanner.model.exclusion import NOTHING_EXCLUDED, Exclusion
from scanner.model.target import is_address
from scanner.network import ResolveFailure, Resolver
from scanner.probe import Prober
from scanner.verdict.egress import is_answered
from scanner.verdict.interception import Asked

ROUND_SECONDS = 75.0
"""What one round may take, with the wait for its turns: a probe alone may take 60."""
DARK_SECONDS = 3.0
"""A proxy is near, and nobody else answers for the dark address."""
MOST_CONTROLS = 8
"""How many of a list are asked at most, each at one address."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Errand:
    """One connection for the controls: a job of the pool, so that it waits for its turn like any probe."""

    address: str
    run: Callable[[], Awaitable[None]]


class Asker:
    """Makes the connections that controls need, through `push`, which puts them into the pool."""

    def __init__(
        self,
        settings: ControlSettings,
        prober: Prober,
        resolver: Resolver,
        push: Callable[[Errand], None],
        exclusion: Exclusion = NOTHING_EXCLUDED,
    ) -> None:
        self._exclusion = exclusion
        self._settings = settings
        self._prober = prober
        self._resolver = resolver
        self._push = push

    def exclude(self, exclusion: Exclusion) -> None:
        """Connect to nobody who is excluded from now on."""
        self._exclusion = exclusion

    async def ask_controls(
        self, gate: Gate, controls: Sequence[Control], known: Callable[[Control], Observation | None]
    ) -> tuple[Asked, ...]:
        """Probe the controls that have an address of this gate; `known` may spare one its probe."""

        async def ask(control: Control) -> Asked | None:
            seen = known(control)
            if seen is not None:
                return Asked(control, seen)
            address = await self._find_address(control.host, gate)
            if address is None:
                return None
            endpoint = _endpoint(control, address)
            return Asked(control, await self._in_turn(address, lambda: self._prober.probe(endpoint)))

        return tuple(await _gather(ask(control) for control in controls[:MOST_CONTROLS]))

    async def ask_witnesses(self, endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
        """Probe targets now, and name those that answer."""

        async def ask(endpoint: Endpoint) -> str | None:
            seen = await self._in_turn(endpoint.address, lambda: self._prober.probe(endpoint))
            return f"{endpoint.host} [{endpoint.address}]" if is_answered(seen) else None

        return tuple(await _gather(map(ask, endpoints)))

    async def ask_sites(self, gate: Gate) -> tuple[tuple[str, bool], ...]:
        """Tell which of the sites can be connected to over the gate's family, of those that can be asked."""

        async def ask(host: str, port: int) -> tuple[str, bool] | None:
            address = await self._find_address(host, gate)
            if address is None:
                return None
            is_reached = await self._in_turn(address, partial(self._prober.knock, host, address, port))
            return None if is_reached is None else (f"{host}:{port}", is_reached)

        return tuple(await _gather(ask(host, port) for host, port in self._settings.sites))

    async def ask_dark(self, gate: Gate) -> bool:
        """Tell whether the dark address accepts a connection; it cannot where this gate has none."""
        dark = self._settings.dark
        if dark is None or realm_of_dark(dark) is not gate.realm or (":" in dark) != (gate.family == 6):
            return False
        # Nobody is there to be polite to: each port waits for itself alone.
        turn = f"{dark} {gate.port}"
        asked = self._in_turn(turn, lambda: self._prober.knock(dark, dark, gate.port, DARK_SECONDS))
        return any(await _gather([asked]))

    async def _find_address(self, host: str, gate: Gate) -> str | None:
        """Return the first address of a host that is of the gate's kind."""
        found: Sequence[str] = (host,)
        if not is_address(host):
            try:
                found = await self._resolver.addresses(host)
            except ResolveFailure:
                return None
        fitting = (
            one
            for one in found
            if (":" in one) == (gate.family == 6) and self._exclusion.refuse_address(one) is None
        )
        return next((one for one in fitting if realm_of(one) is gate.realm), None)

    async def _in_turn(self, address: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """Have something done by the pool; our own fault in it comes out here and ends no worker."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            if done.done():
                return  # nobody waits for it any more
            try:
                result = await work()
            except Exception as fault:  # noqa: BLE001 - handed on to who waits
                if not done.done():
                    done.set_exception(fault)
            else:
                if not done.done():
                    done.set_result(result)

        self._push(Errand(address, run))
        return await done


async def _gather(some: Iterable[Awaitable[Result | None]]) -> list[Result]:
    """Wait for all, at most for a round's time; who is not done by then has told nothing."""
    tasks = [asyncio.ensure_future(one) for one in some]
    if not tasks:
        return []
    try:
        done, _ = await asyncio.wait(tasks, timeout=ROUND_SECONDS)
        return [result for task in tasks if task in done and (result := task.result()) is not None]
    finally:
        for task in tasks:
            task.cancel()


def _endpoint(control: Control, address: str) -> Endpoint:
    return Endpoint(
        host=control.host,
        address=address,
        port=control.port,
        protocol=control.protocol,
        tls_mode=control.tls_mode,
        role=role_of(control.protocol, control.port),
        source=CONTROL,
        domains=(),
    )
