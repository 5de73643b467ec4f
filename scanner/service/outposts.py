"""The outposts of a watch: other vantages look at what is watched, and all of them are compared."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from scanner.config import Settings
from scanner.model import Observation, StandingVerdict, Verdict
from scanner.model.observation import Key
from scanner.service.elsewhere import Elsewhere
from scanner.service.far import Far
from scanner.service.outpost import Dispatches, Outpost
from scanner.service.panel import Panel, Seat
from scanner.service.watch import Watch
from scanner.verdict.egress import tell_gate
from scanner.verdict.vantages import Compared, Word

FOLLOW_SECONDS = 2.0
"""How often it is looked whether there are other endpoints to probe."""
SPARE_SECONDS = 15.0
"""What a result waits for others beyond the longest that a probe takes: for their turns."""


class Outposts:
    """Other vantages beside a watch, which stays what it is; its results only pass the panel first.

    Without `cluster.vantages` there are none, and nothing is changed.
    """

    def __init__(self, watch: Watch, far: Far) -> None:
        self._watch = watch
        settings, parts = watch.parts_in_force
        self._places = {
            each.name: each for each in settings.cluster.vantages if each.name != settings.vantage
        }
        self.posts: dict[str, Outpost] = {}
        self._followed: int | None = None
        self._panel = Panel(_patience(settings))
        self._elsewhere = Elsewhere(
            settings.policy.confirm_after,
            watch.chronicle.board.take_from_one_place,
            lambda name, key, seconds: self.posts[name].hasten(key, seconds),
            self._find_standing,
        )
        if not self._places:
            return
        watch.exposition.label_vantages()
        checkpoint = watch.checkpoint
        dispatches = Dispatches(self._panel.take, self._forget, watch.chronicle.tell_one)
        self._main = settings.vantage
        self._seat = Seat(self._main_interval, checkpoint.ask, self._tell_main)
        self._panel.join(self._main, self._seat)
        for name, place in self._places.items():
            post = Outpost(place, settings, parts, far.build_fleet(settings, name, place.rate), dispatches)
            self.posts[name] = post
            self._join(post)
        checkpoint.hand_on = self._take_main
        watch.registry.register(_Roll(self))

    def restore(self) -> None:
        """Take over what was so from one place before the process began; after the watch has."""
        if self.posts:
            self._elsewhere.restore(tuple(self._watch.chronicle.board.open.values()), self.posts)

    def adjust(self, settings: Settings) -> None:
        """Go on with other settings, behind the watch; vantages that come or go take a restart."""
        if not self.posts:
            return
        self._panel.patience = _patience(settings)
        if self._main != settings.vantage:
            self._panel.leave(self._main)
            self._main = settings.vantage
            self._panel.join(self._main, self._seat)
        self._elsewhere.confirm_after = settings.policy.confirm_after
        self._places |= {each.name: each for each in settings.cluster.vantages if each.name in self.posts}
        for name, post in self.posts.items():
            post.adjust(self._places[name], settings, self._watch.parts_in_force[1])
        self._followed = None

    async def run(self) -> None:
        """Probe from all of them until cancelled."""
        if not self.posts:
            return
        async with asyncio.TaskGroup() as group:
            for post in self.posts.values():
                group.create_task(post.run())
            group.create_task(self._follow())

    def of(self, key: Key) -> tuple[Observation, ...]:
        """Return what others than the main vantage saw of an endpoint last."""
        return self._elsewhere.of(key)

    def egress(self) -> Iterator[Verdict]:
        """Yield what is wrong with the networks of the outposts, a verdict a port, with their names."""
        for name, post in self.posts.items():
            standings = post.controls.standings
            for gate in sorted(standings):
                verdict = tell_gate(gate, standings[gate])
                if verdict is not None:
                    yield replace(verdict, summary=f"Seen from vantage {name}: {verdict.summary}")

    async def _follow(self) -> None:
        """Have probed from everywhere what the main vantage has looked at: so it is, and no mere guess."""
        while True:
            roster = self._watch.checkpoint.roster
            if roster.turns != self._followed:
                self._followed = roster.turns
                endpoints = [seen.endpoint for seen in tuple(roster.latest.values())]
                for post in self.posts.values():
                    await post.plan(endpoints)
                self._panel.keep_only(self._watch.settings.vantage, self._watch.is_awaited)
            await asyncio.sleep(FOLLOW_SECONDS)

    def _join(self, post: Outpost) -> None:
        self._panel.join(post.name, Seat(lambda: post.interval, post.ask, self._tell_other))
        self._watch.exposition.egress.read_also(post.name, lambda: post.controls.standings)

    def _main_interval(self) -> float:
        return self._watch.settings.schedule.interval

    def _take_main(self, seen: Observation) -> None:
        """Take a result of the main vantage; one from before it was given another name passes."""
        if seen.vantage in self._panel:
            self._panel.take(seen)
        else:
            self._watch.checkpoint.tell(seen)

    def _find_standing(self, key: Key) -> Iterable[StandingVerdict]:
        seen = self._watch.latest_of(key)
        return () if seen is None else seen.standing or ()

    def _tell_main(self, compared: Compared) -> None:
        """Tell what the main vantage saw, as the others make it."""
        watch, witness = self._watch, compared.witness
        watch.checkpoint.tell(self._judged(compared))
        if witness is None:
            return
        if compared.word is Word.PATH:
            watch.exposition.domains.accept(witness)
        elif compared.word is Word.EVERYWHERE:
            told = watch.latest_of(witness.endpoint.key)
            if told is not None and told.started_at == compared.observation.started_at:
                confirmed = watch.chronicle.confirm(told, witness)
                if confirmed is not told:
                    watch.keep(confirmed)
                    watch.exposition.accept(confirmed)

    def _tell_other(self, compared: Compared) -> None:
        """Show what another vantage saw, and what of it is so there only.

        What is not on its schedule is not shown: either it will be soon, or it has gone while it was looked
        at, and nobody would forget it again.
        """
        if compared.observation.endpoint.key not in self.posts[compared.observation.vantage]:
            return
        judged = replace(compared, observation=self._judged(compared))
        self._watch.exposition.accept_elsewhere(self._elsewhere.take(judged))

    def _judged(self, compared: Compared) -> Observation:
        """Judge what was seen anew where it has become another reason; who gets through has its level."""
        seen, witness = compared.observation, compared.witness
        if compared.word is not Word.PATH or witness is None:
            return seen
        judged = compared.told_by(self._watch.parts_in_force[1].prober.judge(seen))
        return replace(judged, level=witness.level)

    def _forget(self, key: Key, name: str) -> None:
        self._panel.forget(key, name)
        self._elsewhere.forget(key, name)
        self._watch.exposition.remove_elsewhere(key, name)


class _Roll(Collector):
    """Shows in the scrape which other vantages answer."""

    def __init__(self, outposts: Outposts) -> None:
        self._outposts = outposts

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        up = GaugeMetricFamily(
            "mailport_vantage_up",
            "Whether the workers of another vantage do what they are given (1 yes, 0 no).",
            labels=["vantage"],
        )
        under_way = GaugeMetricFamily(
            "mailport_vantage_jobs_in_flight",
            "Probes of another vantage that are under way or wait for its workers.",
            labels=["vantage"],
        )
        for name, post in self._outposts.posts.items():
            up.add_metric([name], post.is_answering)
            under_way.add_metric([name], post.in_flight)
        yield up
        yield under_way


def _patience(settings: Settings) -> float:
    return settings.probe.total_timeout + SPARE_SECONDS
