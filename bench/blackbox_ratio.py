"""What one probe of an SMTP port with STARTTLS costs: mailport beside the blackbox exporter, in one run.

Both probe the same server with the same dialogue (greeting, EHLO, STARTTLS, verified handshake, EHLO, QUIT),
in turns, on one core of their own; the server and this driver have the other. CPU is what /proc says of each
prober's own process, so neither the server's nor the driver's time is counted.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.processes.child import answer_of, ask, child, cpu_seconds, on_cores
from tests.servers.blackbox import SMTP_MODULE, Blackbox, run_blackbox, smtp_starttls_module
from tests.servers.certificates import create_authority
from tests.servers.process import ServerNotStartedError

NAME = "bench.mail.test"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of probes cost."""

    cpu_ms: float
    """CPU of the prober's process per probe, in milliseconds."""
    rate: float
    """Probes per second."""


def measure_mailport(prober: subprocess.Popen[str], probes: int, concurrency: int) -> Round:
    before = cpu_seconds(prober.pid)
    answer = json.loads(ask(prober, f"{probes} {concurrency}"))
    cpu = cpu_seconds(prober.pid) - before
    assert answer["reasons"] == {"open": probes}, answer
    return Round(1000 * cpu / probes, probes / answer["seconds"])


async def measure_blackbox(blackbox: Blackbox, url: str, probes: int, concurrency: int) -> Round:
    left = iter(range(probes))

    async def work(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.get(url) as response:
                text = await response.text()
                assert "\nprobe_success 1\n" in text, text

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
        before, begun = cpu_seconds(blackbox.pid), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work(session))
        cpu, seconds = cpu_seconds(blackbox.pid) - before, time.perf_counter() - begun
    return Round(1000 * cpu / probes, probes / seconds)


def print_round(label: str, blackbox: Round, mailport: Round) -> None:
    ratio = blackbox.cpu_ms / mailport.cpu_ms if mailport.cpu_ms else float("nan")
    figures = f"{blackbox.cpu_ms:>9.3f}{mailport.cpu_ms:>10.3f}{ratio:>8.2f}"
    print(f"{label:<8}{figures}{blackbox.rate:>12.0f}{mailport.rate:>10.0f}", flush=True)


def median_of(rounds: list[Round]) -> Round:
    return Round(
        statistics.median(each.cpu_ms for each in rounds), statistics.median(each.rate for each in rounds)
    )


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Run the rounds and print the table."""
    cores = sorted(os.sched_getaffinity(0))
    server_core, prober_core = {cores[0]}, {cores[-1]}
    os.sched_setaffinity(0, server_core)
    authority = create_authority(folder / "certificates")
    bundle = authority.issue(NAME).bundle_file
    modules = {SMTP_MODULE: smtp_starttls_module(authority.ca_file, NAME)}
    with child("starttls_server.py", str(bundle)) as server:
        port = answer_of(server)
        with ExitStack() as stack:
            with on_cores(prober_core):
                blackbox = stack.enter_context(run_blackbox(folder / "blackbox", modules))
                argv = ("mailport_prober.py", str(authority.ca_file), port, "starttls")
                prober = stack.enter_context(child(*argv))
            answer_of(prober)
            run_rounds(options, blackbox, blackbox.probe_url(f"127.0.0.1:{port}"), prober)


def run_rounds(
    options: argparse.Namespace, blackbox: Blackbox, url: str, prober: subprocess.Popen[str]
) -> None:
    print(f"{options.probes} probes a round, {options.concurrency} at once; CPU in ms per probe")
    print(f"{'round':<8}{'blackbox':>9}{'mailport':>10}{'ratio':>8}{'blackbox/s':>12}{'mailport/s':>11}")
    theirs: list[Round] = []
    ours: list[Round] = []
    for number in range(options.rounds + 1):
        their = asyncio.run(measure_blackbox(blackbox, url, options.probes, options.concurrency))
        our = measure_mailport(prober, options.probes, options.concurrency)
        if number == 0:
            print_round("warm-up", their, our)
            continue
        theirs.append(their)
        ours.append(our)
        print_round(str(number), their, our)
    print_round("median", median_of(theirs), median_of(ours))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--probes", type=int, default=1000, help="probes in a round (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--concurrency", type=int, default=20, help="connections at once (default 20)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailport-bench-") as folder:
        try:
            compare(options, Path(folder))
        except ServerNotStartedError as error:
            print(f"blackbox_ratio: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
