"""Joins a watch to whom its settings name: events go out as they happen."""

from scanner.config import Settings
from scanner.service.archive import Archive
from scanner.service.election import Term
from scanner.service.outlets import OUTCOMES, Outlets
from scanner.service.watch import Watch


def open_outlets(
    settings: Settings, watch: Watch, term: Term | None = None, archive: Archive | None = None
) -> Outlets:
    """Have events told to whom the settings name, as long as it is our term to do so; None = it always is.

    What the archive's store has written may be told as well: nobody else will.
    """

    async def resolve(host: str) -> tuple[str, ...]:
        return await watch.parts_in_force[1].planner.resolver.addresses(host)

    outlets = Outlets(
        settings,
        resolve,
        watch.telemetry.count_delivery,
        is_ours=lambda: term is None or term.is_fresh,
        ask_written=None if archive is None else archive.store.ask_written,
    )
    watch.telemetry.declare_outcomes(OUTCOMES)
    watch.chronicle.events.listen(outlets.take)
    return outlets
