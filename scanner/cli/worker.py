"""The command `worker`: makes the probes that the scheduler of a cluster hands out."""

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from scanner import __version__
from scanner.cli.console import give_up, run_interruptibly
from scanner.cli.logs import LogFormat, set_up_logging
from scanner.cli.options import list_problems
from scanner.cli.starting import check_lease
from scanner.config import ConfigError, Settings, load_settings
from scanner.model.exclusion import Exclusion

log = structlog.get_logger(__name__)


def run_worker(config: Path, log_format: LogFormat) -> None:
    """Work until SIGTERM or Ctrl-C; SIGHUP reads the exclude list again."""
    try:
        settings = load_settings(config, os.environ, require_targets=False)
        check_lease(settings)
    except ConfigError as error:
        give_up(list_problems(error))
    if settings.cluster.broker is None:
        give_up(
            f'{config}: there is no cluster; set its broker, as cluster: {{broker: "redis://HOST:6379/0"}}'
        )
    set_up_logging(log_format)
    run_interruptibly(_work(settings, partial(load_settings, config, os.environ, require_targets=False)))


async def _work(settings: Settings, load: Callable[[], Settings]) -> None:
    # Imported here, since no other command needs what the cluster does.
    from scanner.cluster.crew import Crew  # noqa: PLC0415
    from scanner.cluster.witness import Witness  # noqa: PLC0415
    from scanner.service.own_way import OwnWay  # noqa: PLC0415
    from scanner.service.parts import build_prober, build_resolver  # noqa: PLC0415
    from scanner.service.worker_reload import WorkerReload  # noqa: PLC0415

    stop, hang_up = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up.set)
    prober = build_prober(settings, Witness)
    way = OwnWay(settings, prober, build_resolver(settings))

    def leave_alone(exclusion: Exclusion) -> None:
        prober.exclude(exclusion)
        way.exclude(exclusion)

    worker = Crew(settings, prober, way)
    log.info("working", version=__version__, worker=worker.name, vantage=settings.vantage)
    async with asyncio.TaskGroup() as group:
        reloading = group.create_task(WorkerReload(settings, load, leave_alone).run(hang_up))
        await worker.run(stop)
        reloading.cancel()
    log.info("stopped")
