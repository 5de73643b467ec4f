"""Joins a watch to whom its settings name: events go out as they happen."""

from scanner.config import Settings
from scanner.service.outlets import OUTCOMES, Outlets
from scanner.service.watch import Watch


def open_outlets(settings: Settings, watch: Watch) -> Outlets:
    """Have events told to whom the settings name."""

    async def resolve(host: str) -> tuple[str, ...]:
        return await watch.parts_in_force[1].planner.resolver.addresses(host)

    outlets = Outlets(settings, resolve, watch.telemetry.count_delivery)
    watch.telemetry.declare_outcomes(OUTCOMES)
    watch.chronicle.events.listen(outlets.take)
    return outlets
