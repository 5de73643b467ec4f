"""Joins a watch to whom its settings name: events go out as they happen."""

from scanner.config import Settings
from scanner.service.archive import Archive
from scanner.service.election import Term
from scanner.service.outlets import Outlets
from scanner.service.watch import Watch
from scanner.service.webhook_outlet import OUTCOMES


def open_outlets(
    settings: Settings, watch: Watch, term: Term | None = None, archive: Archive | None = None
) -> Outlets:
    """Have events told to whom the settings name, as long as it is our term to do so; None = it always is.

    The archive's store has each written before it is told, and keeps what the webhook has not taken yet.
    """

    async def resolve(host: str) -> tuple[str, ...]:
        return await watch.parts_in_force[1].planner.resolver.addresses(host)

    outlets = Outlets(
        settings,
        resolve,
        watch.telemetry.count_delivery,
        is_ours=lambda: term is None or term.is_fresh,
        outbox=None if archive is None else archive.store,
    )
    watch.telemetry.declare_outcomes(OUTCOMES)
    watch.chronicle.events.owe(outlets.is_due)
    watch.chronicle.events.listen(outlets.take)
    return outlets
