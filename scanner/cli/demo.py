"""The command `demo`: the farm of mail servers on loopback, scanned at once and then served."""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from scanner.cli.console import Exit, give_up, run_interruptibly, say
from scanner.cli.logs import LogFormat, set_up_logging
from scanner.cli.output import TableWriter
from scanner.cli.progress import ScanProgress
from scanner.cli.scan import Tally
from scanner.config import Settings, default_settings, override
from scanner.demo import Farm, FarmError, domains, targets
from scanner.model import Observation, TargetFinding
from scanner.model.record import to_record
from scanner.model.target import parse_target
from scanner.service.parts import build_parts
from scanner.service.scan import run_scan
from scanner.service.serve import run_service
from scanner.web import ListenError, bind

READ_SECONDS = 2.0
"""Short enough for a first answer within 15 s, long enough for the farm's slow greeting."""
GREETING_DELAY_SECONDS = 1.2
INTERVAL_SECONDS = 60.0


def run_demo(listen: str, *, once: bool) -> Exit:
    """Start the farm, scan it, print the table; then serve the results until Ctrl-C, unless `once`."""
    say("mailport: starting mail servers on loopback: good, weak, blocked and hostile ones")
    try:
        run_interruptibly(_scan_once() if once else _scan_and_serve(listen))
    except FarmError as error:
        give_up(str(error), Exit.CANNOT_WORK)
    except ListenError as error:
        give_up(str(error))
    return Exit.DONE


async def _scan_once() -> None:
    async with Farm(base=None, greeting_delay=GREETING_DELAY_SECONDS) as farm:
        settings = _settings(farm, targets(farm))
        writer = TableWriter(sys.stdout)
        try:
            with ScanProgress(len(settings.targets)) as progress:
                await run_scan(settings, build_parts(settings), Tally(writer, progress))
        finally:
            writer.close()


async def _scan_and_serve(listen: str) -> None:
    sock = bind(listen)
    host, port = sock.getsockname()[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def show(results: Iterable[Observation | TargetFinding]) -> None:
        writer = TableWriter(sys.stdout)
        for result in results:
            writer.write(to_record(result))
        writer.close()
        say(f"mailport: status page {where}/ , metrics {where}/metrics ; Ctrl-C ends it")

    with sock, tempfile.TemporaryDirectory(prefix="mailport-demo-store-") as folder:
        # The pages show the past, as far as there is one; it goes with the demo.
        store = {"store.enabled": True, "store.url": f"sqlite:///{Path(folder) / 'demo.db'}"}
        async with Farm(base=None, greeting_delay=GREETING_DELAY_SECONDS) as farm:
            watched = [*domains(farm), *targets(farm)]
            settings = override(_settings(farm, watched), {"web.listen": listen, **store})
            set_up_logging(LogFormat.TEXT)
            await run_service(settings, lambda: settings, sock, on_first_pass=show)


def _settings(farm: Farm, watched: Iterable[str]) -> Settings:
    return override(
        default_settings([parse_target(text) for text in watched]),
        {
            "resolver.servers": [farm.resolver],
            "probe.ca_file": str(farm.ca_file),
            "probe.allow_private": True,
            "probe.ehlo_name": "probe.mail.test",
            "probe.timeout": READ_SECONDS,
            "schedule.interval": INTERVAL_SECONDS,
            "store.enabled": False,
            "policy.confirm_after": 1,  # the farm's faults are there on purpose
            "limits.concurrency": 200,
            "limits.rate": 0,
            "limits.per_address_gap": 0,
            "probe.versions_gap": 0,
        },
    )
