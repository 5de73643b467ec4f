"""A probe that a client asked for: the watch's own next one keeps its distance."""

from dataclasses import replace

from scanner.service.watch import Watch
from tests.engine.test_watch import RECORDS, parts_for, settings_for
from tests.network.name_servers import serving
from tests.verdict.observations import healthy


async def test_one_that_counts_puts_the_next_one_off_and_one_that_does_not_keeps_it_apart() -> None:
    async with serving(RECORDS) as (_, place):
        settings = settings_for("a.test")
        watch = Watch(settings, parts_for(settings, place))
        seen = healthy(587)
        key = seen.endpoint.key
        for _ in watch._agenda.replace([seen.endpoint], spread=0.0, on_gone=lambda _: None):
            pass
        schedule, now = watch._agenda._schedule, watch._agenda._now()

        def due() -> float:
            at = schedule.due_of(key)
            assert at is not None
            return at - now

        assert due() < 1.0
        watch.checkpoint.leave_alone(key, 60.0)
        assert 59.0 < due() < 61.0
        watch.checkpoint.take(seen)
        assert due() > 0.4 * settings.schedule.interval
        assert watch.latest_of(key) is not None
        elsewhere = replace(seen, endpoint=replace(seen.endpoint, host="gone.example.org"))
        watch.checkpoint.take(elsewhere)
        assert elsewhere.endpoint.key not in watch._agenda
        await watch._parts.close()
