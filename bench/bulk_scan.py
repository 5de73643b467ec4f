"""What a scan of a long list costs: wall time beside the bound, CPU an endpoint, and memory as lists grow.

10,000 domains with a host of their own each, 70,000 endpoints: a fifth says nothing, a tenth is closed, the
others take 5 to 300 ms before every reply. The servers and the name server run in processes of their own, all
of it in a network namespace of its own (as root, or by a user namespace).

The bound is what nobody can be quicker than with that many connections at once, and one at a time to an
address: the seconds that all connections take by what the servers do and by the timeout, divided by the
concurrency; at least the seconds of the slowest host. CPU time, names and the start of Python come on top.

The second table scans lists of addresses that refuse every connection, each list ten times as long as the
one before: memory has to stay where it is. The last list is scanned with `--resume` too, killed in the
middle and gone on with: the output has to be whole.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.processes.bulk_farm import PORTS, Kind, conduct_of
from bench.processes.child import answer_of, child
from bench.processes.figures import note
from bench.processes.own_network import enter_namespace
from tests.servers.certificates import create_authority

MAILPORT = str(Path(sys.executable).with_name("mailport"))
SPARE_FILES = 1000
MIB = 1024 * 1024
BEAT_SECONDS = 0.1
WANTED = {Kind.GOOD: "open", Kind.SILENT: "broken", Kind.CLOSED: "closed"}


@dataclass(frozen=True, slots=True)
class Run:
    """What one scan took: seconds by the clock and of CPU; memory and temporary files at most, in bytes."""

    wall: float
    cpu: float
    peak: int
    temporary: int


def find_bound(domains: int, concurrency: int, timeout: float) -> float:
    """Return the seconds that nobody can be quicker than."""
    hosts = [
        sum(conduct_of(domain, port).seconds(port, timeout) for port in PORTS) for domain in range(domains)
    ]
    return max(sum(hosts) / concurrency, *hosts)


@contextmanager
def servers(bundle: Path, domains: int) -> Iterator[str]:
    """Run the farm and the name server; return where the latter is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    parts = max(2, -(-domains * len(PORTS) // (hard - SPARE_FILES)))
    with ExitStack() as stack:
        farms = [
            stack.enter_context(child("bulk_farm.py", str(bundle), str(domains), str(part), str(parts)))
            for part in range(parts)
        ]
        for farm in farms:
            answer_of(farm)
        yield answer_of(stack.enter_context(child("bulk_names.py", str(domains))))


def scan(folder: Path, *arguments: str, is_enough: Callable[[], bool] = lambda: False) -> Run:
    """Scan once, into the file `results`; kill the scan as soon as that is enough."""
    command = [MAILPORT, "scan", "--format", "ndjson", "--out", str(folder / "results"), *arguments]
    begun, temporary = time.perf_counter(), 0
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stderr=said)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            temporary = max(temporary, temporary_files(process.pid))
            if is_enough():
                process.kill()
            time.sleep(BEAT_SECONDS)
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if process.returncode and not is_enough():
        sys.exit(f"the scan ended with {process.returncode}: {(folder / 'said').read_text()}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, temporary)


def temporary_files(process: int) -> int:
    """Return the bytes of the files without a name that a process has open."""
    total = 0
    with suppress(OSError):  # it may end meanwhile
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            if str(descriptor.readlink()).endswith(" (deleted)"):
                total += descriptor.stat().st_size
    return total


def check(folder: Path, domains: int) -> None:
    """Make sure that what was measured is what was meant: every endpoint once, and rightly judged."""
    wanted = Counter(WANTED[conduct_of(domain, port).kind] for domain in range(domains) for port in PORTS)
    with (folder / "results").open(encoding="utf-8") as lines:
        found = Counter(record["state"] for record in map(json.loads, lines) if record["port"] is not None)
    for state in wanted | found:
        if abs(wanted[state] - found[state]) > domains * len(PORTS) // 1000:
            print(f"WRONG: {found[state]} are {state} instead of {wanted[state]}")
    if found.total() != domains * len(PORTS):
        print(f"WRONG: {found.total()} results")


def measure_farm(folder: Path, options: argparse.Namespace) -> None:
    """Scan the farm, and print the first table."""
    domains: int = options.domains
    authority = create_authority(folder)
    leaf = authority.issue("bulk.test", "*.test")
    targets, config = folder / "targets", folder / "mailport.yml"
    targets.write_text("".join(f"d{number}.test\n" for number in range(domains)))
    with servers(leaf.bundle_file, domains) as resolver:
        off = ("autoconfig", "ispdb", "autodiscover", "inferred", "guess")
        settings = {
            "discovery": dict.fromkeys(off, False),
            "probe": {
                "timeout": options.timeout,
                "allow_private": True,
                "ca_file": str(authority.ca_file),
                "versions_interval": None,
                "ehlo_name": "bulk.mail.test",
            },
            "limits": {"concurrency": options.concurrency, "rate": 0, "per_address_gap": 0},
            "resolver": {"servers": [resolver], "timeout": 30},
        }
        config.write_text(json.dumps(settings))
        run = scan(folder, "--targets", str(targets), "--config", str(config))
    check(folder, domains)
    endpoints = domains * len(PORTS)
    bound = find_bound(domains, options.concurrency, options.timeout)
    print(
        f"{endpoints} endpoints of {domains} domains, {options.concurrency} connections at once, "
        f"a timeout of {options.timeout:g} s"
    )
    print(f"  wall time       {run.wall:8.1f} s")
    print(f"  bound           {bound:8.1f} s")
    note(bulk_ratio=run.wall / bound)
    print(f"  ratio           {run.wall / bound:8.3f}")
    print(
        f"  CPU             {run.cpu / endpoints * 1000:8.3f} ms an endpoint, "
        f"{run.cpu / run.wall:.0%} of a core"
    )
    print(f"  memory at most  {run.peak / MIB:8.1f} MiB", flush=True)


def measure_growth(folder: Path, lengths: list[int]) -> None:
    """Scan lists of refusing addresses, and print the second table."""
    print(f"{'lines':>9}{'seconds':>10}{'CPU ms a line':>15}{'MiB at most':>13}{'MB of files':>13}")
    for length in lengths:
        write_addresses(folder, length)
        tell(f"{length}", length, scan(folder, *refusing(folder)))
    measure_killed(folder, lengths[-1])


def measure_killed(folder: Path, length: int) -> None:
    """Kill a scan when its journal has half of the list, and go on with it."""
    journal = folder / "journal"
    arguments = (*refusing(folder), "--resume", str(journal))

    def half() -> bool:
        with suppress(OSError), journal.open("rb") as lines:
            return journal.stat().st_size > len(lines.readline()) * length // 2
        return False

    killed = scan(folder, *arguments, is_enough=half)
    done = journal.read_bytes().count(b"\n")
    tell("killed", done, killed)
    tell("resumed", length, scan(folder, *arguments))
    with (folder / "results").open(encoding="utf-8") as lines:
        hosts = Counter(json.loads(line)["host"] for line in lines)
    if len(hosts) != length or hosts.total() != length:
        print(f"WRONG: {hosts.total()} results of {len(hosts)} addresses")


def write_addresses(folder: Path, length: int) -> None:
    """Write a list of addresses of loopback, where nobody listens."""
    with (folder / "addresses").open("w") as lines:
        for number in range(length):
            where = f"127.{128 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"
            lines.write(f"{where}:25\n")


def refusing(folder: Path) -> tuple[str, ...]:
    """Return the options of a scan of that list."""
    return ("--targets", str(folder / "addresses"), "--allow-private", "--rate", "0", "--no-versions")


def tell(what: str, length: int, run: Run) -> None:
    """Print a line of the second table."""
    cpu, files = run.cpu / length * 1000, run.temporary / 1e6
    print(f"{what:>9}{run.wall:>10.1f}{cpu:>15.3f}{run.peak / MIB:>13.1f}{files:>13.1f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--domains", type=int, default=10_000, help="0 leaves the first table out")
    parser.add_argument("--concurrency", type=int, default=300)
    parser.add_argument("--timeout", type=float, default=1.5, help="seconds for a word of a server")
    parser.add_argument(
        "--lines",
        type=int,
        nargs="*",
        default=[2_000, 20_000],
        help="the lengths of the second table's lists",
    )
    options = parser.parse_args()
    enter_namespace("bench.bulk_scan")
    with tempfile.TemporaryDirectory(prefix="mailport-bench-") as name:
        if options.domains:
            measure_farm(Path(name), options)
        if options.lines:
            measure_growth(Path(name), options.lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
