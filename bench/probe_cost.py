"""What one probe costs: mailport beside the blackbox exporter and bare handshakes in C, in one run.

SMTP with STARTTLS, IMAP with TLS from the first byte, POP3 with STLS. All probe the same server in turns, on
one core of their own; the server and this driver have the other. mailport and the exporter hold the same
dialogue (greeting, capabilities, TLS with a verified chain, capabilities, leave); the program in C stops
behind the handshake, and makes one connection after the other. CPU is what /proc says of each one's own
process, so neither the server's nor the driver's time is counted.
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
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.processes.bare import Cost, build, measure_bare, measure_s_time, run_bare
from bench.processes.child import answer_of, ask, child, cpu_seconds, on_cores
from bench.processes.figures import note
from tests.servers.blackbox import (
    Blackbox,
    imaps_module,
    pop3_stls_module,
    run_blackbox,
    smtp_starttls_module,
)
from tests.servers.certificates import create_authority
from tests.servers.process import ServerNotStartedError

NAME = "bench.mail.test"
SERVICES = ("smtp", "imaps", "pop3")
"""In the order of the ports that the server prints; so the modules of the exporter are called too."""
_TITLES = {"smtp": "SMTP STARTTLS", "imaps": "IMAPS", "pop3": "POP3 STLS"}
_OURS = {"smtp": ("starttls", "smtp"), "imaps": ("implicit", "imap"), "pop3": ("starttls", "pop3")}


@dataclass(frozen=True, slots=True)
class Bench:
    """What all rounds share."""

    probes: int
    rounds: int
    concurrency: int
    core: set[int]
    folder: Path
    ca_file: Path
    ports: dict[str, int]
    blackbox: Blackbox
    bare: Path | None
    """The program in C; None where it could not be made."""


def measure_mailport(prober: subprocess.Popen[str], bench: Bench) -> Cost:
    before = cpu_seconds(prober.pid)
    answer = json.loads(ask(prober, f"{bench.probes} {bench.concurrency}"))
    cpu = cpu_seconds(prober.pid) - before
    assert answer["reasons"] == {"open": bench.probes}, answer
    return Cost(1000 * cpu / bench.probes, bench.probes / answer["seconds"])


async def measure_blackbox(bench: Bench, url: str) -> Cost:
    left = iter(range(bench.probes))

    async def work(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.get(url) as response:
                text = await response.text()
                assert "\nprobe_success 1\n" in text, text

    connector = aiohttp.TCPConnector(limit=bench.concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        before, begun = cpu_seconds(bench.blackbox.pid), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(bench.concurrency):
                group.create_task(work(session))
        cpu, seconds = cpu_seconds(bench.blackbox.pid) - before, time.perf_counter() - begun
    return Cost(1000 * cpu / bench.probes, bench.probes / seconds)


def run_service(bench: Bench, service: str) -> None:
    """Run the rounds of one service and print each, then their medians."""
    port = bench.ports[service]
    url = bench.blackbox.probe_url(f"127.0.0.1:{port}", service)
    with ExitStack() as stack:
        with on_cores(bench.core):
            mode, protocol = _OURS[service]
            argv = ("mailport_prober.py", str(bench.ca_file), str(port), mode, protocol)
            prober = stack.enter_context(child(*argv))
            handshakes = None
            if bench.bare is not None:
                handshakes = stack.enter_context(run_bare(bench.bare, bench.ca_file, NAME, port, service))
        answer_of(prober)
        measures: tuple[Callable[[], Cost], ...] = (
            lambda: measure_mailport(prober, bench),
            lambda: asyncio.run(measure_blackbox(bench, url)),
            lambda: (
                measure_bare(handshakes, bench.probes)
                if handshakes is not None
                else measure_s_time(bench.ca_file, bench.ports["imaps"], bench.core)
            ),
        )
        rounds = []
        for number in range(bench.rounds + 1):
            costs = [measure() for measure in measures]
            print_costs(_TITLES[service], str(number or "warm-up"), costs)
            if number:
                rounds.append(costs)
    medians = [median_of(costs) for costs in zip(*rounds, strict=True)]
    print_costs(_TITLES[service], "median", medians, rounds)
    for place, peer in ((1, "blackbox"), (2, "bare")):
        ratio = statistics.median(costs[0].cpu_ms / costs[place].cpu_ms for costs in rounds)
        note(**{f"probe_{service}_{peer}": ratio, f"probe_{service}_rate_{peer}": medians[place].rate})
    note(**{f"probe_{service}_rate": medians[0].rate})


def median_of(costs: tuple[Cost, ...]) -> Cost:
    return Cost(
        statistics.median(each.cpu_ms for each in costs), statistics.median(each.rate for each in costs)
    )


def print_costs(title: str, label: str, costs: list[Cost], rounds: list[list[Cost]] | None = None) -> None:
    """Print a line; the ratios of the medians are the medians of each round's ratios."""
    cpu = "".join(f"{each.cpu_ms:>10.3f}" for each in costs)
    ratios = [
        statistics.median(each[0].cpu_ms / each[other].cpu_ms for each in rounds or [costs])
        for other in (1, 2)
    ]
    rates = "".join(f"{each.rate:>9.0f}" for each in costs)
    print(f"{title:<14}{label:<8}{cpu}{ratios[0]:>10.2f}{ratios[1]:>8.2f}{rates}", flush=True)


def run(options: argparse.Namespace, folder: Path) -> None:
    """Start everything, and run the rounds of every service."""
    cores = sorted(os.sched_getaffinity(0))
    own_core, other_core = {cores[0]}, {cores[-1]}
    os.sched_setaffinity(0, own_core)
    authority = create_authority(folder / "certificates")
    bundle = authority.issue(NAME).bundle_file
    modules = {
        "smtp": smtp_starttls_module(authority.ca_file, NAME),
        "imaps": imaps_module(authority.ca_file, NAME),
        "pop3": pop3_stls_module(authority.ca_file, NAME),
    }
    bare = build(folder)
    with child("mail_server.py", str(bundle)) as server, ExitStack() as stack:
        ports = dict(zip(SERVICES, map(int, answer_of(server).split()), strict=True))
        with on_cores(other_core):
            blackbox = stack.enter_context(run_blackbox(folder / "blackbox", modules))
        shared = (other_core, folder, authority.ca_file, ports, blackbox, bare)
        bench = Bench(options.probes, options.rounds, options.concurrency, *shared)
        in_c = "a program in C" if bare is not None else "openssl s_time (on IMAPS: it knows no STARTTLS)"
        print(f"{bench.probes} probes a round, {bench.concurrency} at once; bare handshakes by {in_c}")
        print(f"{'':<22}{'CPU, ms a probe':>30}{'mailport /':>18}{'a second':>27}")
        print(
            f"{'service':<14}{'round':<8}{'mailport':>10}{'blackbox':>10}{'bare':>10}{'blackbox':>10}{'bare':>8}"
            f"{'mailport':>9}{'blackbox':>9}{'bare':>9}"
        )
        for service in options.services:
            run_service(bench, service)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--probes", type=int, default=1000, help="probes in a round (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--concurrency", type=int, default=20, help="connections at once (default 20)")
    parser.add_argument("--services", nargs="+", default=SERVICES, choices=SERVICES, help="to probe")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailport-bench-") as folder:
        try:
            run(options, Path(folder))
        except ServerNotStartedError as error:
            print(f"probe_cost: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
