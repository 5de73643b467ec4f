"""What it takes to watch 100,000 endpoints every 15 minutes: 111 probes a second, in mid-rhythm.

Seven servers (SMTP on three ports, IMAP and POP3 on two each, with STARTTLS or TLS at once) listen in a
process of its own at every loopback address; each of 14,286 hosts has an address of its own, and each
probe is a whole dialogue with a TLS 1.3 handshake. Every endpoint has results before the clock runs, equal
to what the servers show, so that no server need be asked 100,000 times for that; those whose turn comes in
the window have four. First turns are spread over the whole interval, so that the rhythm is that of any day.

In the figures: probes, judging, memory, incidents, metrics, the SQLite store, a scrape every 15 seconds and
one plan. Not in them: look-ups of names, HTTP, listings of TLS versions (by default once a day an endpoint).

CPU      of mailport's process, in percent of one core; servers have a process of their own, on another core
         where there is one
lag      how late a probe began (mailport_scheduler_lag_seconds)
stall    how long the event loop was kept from others at a time, as CPU time of its thread: by the clock the
         rest of the machine would be in it
"""

import argparse
import json
import os
import resource
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.processes.child import answer_of, ask, child, on_cores
from bench.processes.figures import note
from bench.processes.large_plan import provider_count
from tests.servers.certificates import create_authority

MIB = 1024 * 1024
REPLAN_SECONDS = 300.0


def measure(endpoints: int, seconds: float, folder: Path) -> dict[str, dict[str, float]]:
    """Start the servers and the watch, and let them run."""
    cores = sorted(os.sched_getaffinity(0))
    authority = create_authority(folder / "certificates")
    providers = folder / "providers"
    providers.mkdir()
    for number in range(provider_count(endpoints)):
        bundle = authority.issue(f"*.p{number}.test").bundle_file
        bundle.rename(providers / f"p{number}.test.pem")
    with ExitStack() as stack:
        with on_cores({cores[0]}):
            server = stack.enter_context(child("all_servers.py", str(providers)))
        ports = answer_of(server).split()
        argv = ("large_watch.py", str(endpoints), str(folder), str(authority.ca_file), *ports)
        with on_cores({cores[-1]}):
            watch = stack.enter_context(child(*argv))
        answer_of(watch)
        orders = ("fill", f"watch {seconds}", "plan")
        return {order.split()[0]: json.loads(ask(watch, order)) for order in orders}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoints", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to watch (default 60)")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    with tempfile.TemporaryDirectory(prefix="mailport-bench-") as folder:
        found = measure(options.endpoints, options.seconds, Path(folder))
    seen, plan = found["watch"], found["plan"]
    share = plan["cpu"] / REPLAN_SECONDS
    note(steady_cpu=seen["cpu"] + share, steady_mib=seen["rss"] / MIB, steady_lag=seen["lag_99"])
    for name, value in (
        ("endpoints", f"{options.endpoints}, {seen['open']:.1%} of them open"),
        ("probes a second", f"{seen['probes']:.1f}"),
        ("CPU", f"{seen['cpu']:.1%} of a core, {seen['cpu'] / seen['probes'] * 1000:.2f} ms a probe"),
        ("a plan", f"{plan['cpu']:.2f} s of CPU, every {REPLAN_SECONDS:.0f} s: {share:.1%} of a core more"),
        ("memory", f"{seen['rss'] / MIB:.0f} MiB"),
        ("lag", f"{seen['lag_median']:.3f} s median, {seen['lag_99']:.3f} s p99"),
        ("lag at most", f"{seen['lag_most']:.3f} s"),
        ("stalls", f"{seen['stall_99'] * 1000:.1f} ms p99, {seen['stall_most'] * 1000:.1f} ms at most"),
        ("stalls by a plan", f"{plan['stall'] * 1000:.1f} ms at most"),
        ("results dropped", f"{seen['dropped']}"),
    ):
        print(f"{name:18}{value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
