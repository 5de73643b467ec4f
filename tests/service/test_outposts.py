"""Other vantages beside a watch: what they are asked for, and what is forgotten with an endpoint."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import pytest

from scanner.config import Settings, override
from scanner.model import Endpoint, Observation
from scanner.model.exclusion import Exclusion
from scanner.service.far import Far
from scanner.service.outpost import Outpost
from scanner.service.outposts import Outposts
from scanner.service.parts import build_parts
from scanner.service.watch import Watch
from tests.engine.clockwork import observation_of
from tests.engine.test_watch import settings_for
from tests.verdict.observations import healthy

ROME = "rome"
ENDPOINT = healthy(25).endpoint


class Idle:
    """A fleet that nobody needs."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    def adjust(self, rate: float, exclusion: Exclusion) -> None:
        """Take any."""


class PretendingFar(Far):
    """A cluster without a broker."""

    def __init__(self) -> None:
        self.fleet = None

    def build_fleet(self, settings: Settings, vantage: str, rate: float) -> Any:
        return Idle()


@dataclass
class PretendedProber:
    """Finds every endpoint open, when it is let go on."""

    probed: list[Endpoint] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def exclude(self, exclusion: Exclusion) -> None:
        """Exclude nobody."""

    async def probe(self, endpoint: Endpoint) -> Observation:
        self.probed.append(endpoint)
        await self.go_on.wait()
        return replace(observation_of(endpoint), vantage=ROME)


def build(**more: Any) -> tuple[Watch, Outposts, Outpost, PretendedProber]:
    broker = {"cluster.broker": "redis://broker.test:6379/0", "cluster.vantages": [{"name": ROME, "rate": 0}]}
    settings = override(settings_for("a.test"), {**broker, "controls.enabled": False, **more})
    watch = Watch(settings, build_parts(settings))
    outposts = Outposts(watch, PretendingFar())
    post, prober = outposts.posts[ROME], PretendedProber()
    post.prober = cast("Any", prober)
    return watch, outposts, post, prober


@asynccontextmanager
async def at_work(post: Outpost) -> AsyncIterator[None]:
    running = asyncio.create_task(post.run())
    try:
        async with asyncio.timeout(30):
            yield
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def until(is_so: Callable[[], object]) -> None:
    while not is_so():
        await asyncio.sleep(0.01)


def has_probed(prober: PretendedProber, times: int) -> bool:
    return len(prober.probed) >= times


async def test_an_endpoint_that_goes_while_it_is_looked_at_is_not_shown_again() -> None:
    watch, outposts, post, prober = build()
    async with at_work(post):
        await post.plan([ENDPOINT])
        await until(lambda: prober.probed)
        await post.plan([])
        prober.go_on.set()
        await until(lambda: not post.in_flight)
    assert outposts.of(ENDPOINT.key) == ()
    assert b'vantage="rome"' not in b"\n".join(
        line for line in watch.exposition.render(openmetrics=False).splitlines() if b"endpoint_state" in line
    )


async def test_what_is_asked_for_takes_nothing_from_the_schedule() -> None:
    """Two connections to an address at once: the endpoint is due while it is looked at for another one."""
    _, _, post, prober = build(**{"limits.per_address": 2})
    async with at_work(post):
        assert post.ask(ENDPOINT)
        await until(lambda: prober.probed)
        await post.plan([ENDPOINT])  # it is due at once
        await until(lambda: post._agenda.next_at is None and not post._pool.waiting)
        prober.go_on.set()
        await until(lambda: not post.in_flight)
        for count in (2, 3):
            post.hasten(ENDPOINT.key, 0)
            await until(partial(has_probed, prober, count))


async def test_an_endpoint_that_takes_the_place_of_another_is_followed() -> None:
    watch, outposts, post, _ = build()
    watch.keep(healthy(25))
    async with at_work(post):
        following = asyncio.create_task(outposts._follow())
        await until(lambda: ENDPOINT.key in post)
        watch._forget(ENDPOINT.key)
        watch.keep(healthy(465))
        await until(lambda: healthy(465).endpoint.key in post)
        following.cancel()
    assert ENDPOINT.key not in post
