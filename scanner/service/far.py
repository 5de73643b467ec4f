"""Where probes are made: here, or by the workers of a cluster, whose code is loaded only then."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from scanner.config import Settings
from scanner.model import Verdict
from scanner.model.shard import Shard
from scanner.probe import Prober
from scanner.verdict.egress import tell_cut_off

if TYPE_CHECKING:
    from scanner.cluster.fleet import Fleet
    from scanner.cluster.term import Term

MakeProber = Callable[..., Prober]


class QueueTakenError(Exception):
    """Another scheduler has the queue and is alive; the text says what, where, and how to mend it."""


class Far:
    """The cluster of a scheduler; without one, nothing.

    Args:
        shard: which of several shards has its queues.
    """

    def __init__(self, settings: Settings, term: "Term | None" = None, shard: Shard | None = None) -> None:
        self._term = term
        self._shard = shard
        self.fleet: Fleet | None = None
        self._fleets: dict[str, Fleet] = {}
        self.make_prober: MakeProber = Prober
        if settings.cluster.broker is not None:
            # Imported here: without a cluster nothing of it is loaded.
            from scanner.cluster import remote_prober  # noqa: PLC0415

            self.fleet = self.build_fleet(settings, settings.vantage, settings.limits.rate)
            self.make_prober = partial(remote_prober.RemoteProber, self.fleet)

    def build_fleet(self, settings: Settings, vantage: str, rate: float) -> "Fleet":
        """Build what hands work to the workers of a vantage, for as long as this scheduler leads."""
        from scanner.cluster.fleet import Fleet  # noqa: PLC0415 - as above
        from scanner.cluster.task_queue import LONE  # noqa: PLC0415 - as above

        gap = settings.limits.per_address_gap
        fleet = Fleet(settings.cluster, vantage, rate, gap=gap, term=self._term)
        fleet.term.own(LONE if self._shard is None else str(self._shard))
        self._fleets[vantage] = fleet
        return fleet

    def cut_off(self) -> Iterator[Verdict]:
        """Yield what is wrong with the ways out of workers, of all vantages."""
        for vantage, fleet in self._fleets.items():
            is_alone = not fleet.tally.has_sound(fleet.lease)
            for worker, why in sorted(fleet.tally.faults.items()):
                yield tell_cut_off(worker, vantage, why, is_alone=is_alone)

    def show(self, registry: CollectorRegistry) -> None:
        """Show how the cluster does in the scrape."""
        if self.fleet is not None:
            from scanner.cluster.tally import TallyCollector  # noqa: PLC0415 - as above
            from scanner.cluster.term import LeaderCollector  # noqa: PLC0415 - as above

            registry.register(TallyCollector(self.fleet.tally, self.fleet.lease))
            registry.register(LeaderCollector(self.fleet.term))

    def adjust(self, settings: Settings) -> None:
        """Go on with other limits and another exclude list; another broker takes a restart."""
        if self.fleet is not None:
            self.fleet.adjust(settings.limits.rate, settings.exclusion)

    async def confirm(self) -> bool | None:
        """Tell by the broker whether this scheduler leads; None where that cannot be told."""
        return None if self.fleet is None else await self.fleet.confirm()

    async def begin(self) -> None:
        """See that nobody else has the queue; a broker that does not answer now is asked later.

        Raises:
            QueueTakenError: another shard has it, or a scheduler of none, and is alive.
        """
        rival = None if self.fleet is None else await self.fleet.term.find_rival()
        if rival is not None:
            raise QueueTakenError(rival)

    async def run(self) -> None:
        """Hand out work until cancelled."""
        if self.fleet is not None:
            await self.fleet.run()
