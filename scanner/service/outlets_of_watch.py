"""Joins a watch to whom its settings name: events go out as they happen."""

from collections.abc import Callable

from scanner.config import Settings
from scanner.model.event import Event
from scanner.service.outlets import OUTCOMES, Outlets
from scanner.service.watch import Watch


def open_outlets(settings: Settings, watch: Watch, may_tell: Callable[[], bool] = lambda: True) -> Outlets:
    """Have events told to whom the settings name, as long as `may_tell` says that it is ours to do so."""

    async def resolve(host: str) -> tuple[str, ...]:
        return await watch.parts_in_force[1].planner.resolver.addresses(host)

    outlets = Outlets(settings, resolve, watch.telemetry.count_delivery)
    watch.telemetry.declare_outcomes(OUTCOMES)

    def take(event: Event) -> None:
        if may_tell():
            outlets.take(event)

    watch.chronicle.events.listen(take)
    return outlets
