"""What a cluster costs beside one process: CPU of a probe, probes a second, what goes through the broker.

The same endpoints are scanned in turns by one process and over 1, 2 and 4 workers with a real Redis, all on
loopback, in a network namespace of its own (as root, or by a user namespace): `mailport scan`, and the same
with `--cluster`. The servers are those of the watch of 100,000 endpoints, in a process of their own. What a
scan does before its first probe and behind its last is taken out by a scan of a tenth of the list.

CPU      user and kernel time of the scan, of all workers and of Redis together; not of the servers
overhead how much more that is a probe than the one process, median of the rounds' ratios
wall     tells little where there are fewer cores than processes: the first line says how many there are
recovery from the kill of one of two workers in mid-scan to the scan's end: in it are the lease, 4 seconds
         here, and the rest of the scan with the worker that is left
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes.child import answer_of, child, cpu_seconds
from bench.processes.figures import note
from bench.processes.own_network import enter_namespace
from tests.servers.certificates import create_authority
from tests.servers.redis_server import RedisServer

MAILPORT = str(Path(sys.executable).with_name("mailport"))
WORKERS = (1, 2, 4)
LEASE = 4.0
SHARE = 10
"""The short list has one of so many lines of the long one."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a scan took, in seconds: of CPU by the scan, its workers and Redis; and by the clock."""

    scan: float
    workers: float
    broker: float
    wall: float

    @property
    def cpu(self) -> float:
        return self.scan + self.workers + self.broker

    def less(self, other: "Cost", probes: int) -> "Cost":
        """Return the difference for one probe, in milliseconds."""
        parts = ("scan", "workers", "broker", "wall")
        return Cost(*(1000 * (getattr(self, part) - getattr(other, part)) / probes for part in parts))


@dataclass(slots=True)
class Lab:
    """Servers, a broker and lists."""

    folder: Path
    config: Path
    redis: RedisServer
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def scan(self, targets: Path, *options: str, kill_at: int = 0) -> Cost:
        """Scan a list once; with `kill_at` a worker is killed when so many results are there."""
        out = self.folder / "out"
        arguments = ("--targets", str(targets), "--config", str(self.config), "--no-versions", *options)
        argv = [MAILPORT, "scan", *arguments, "--format", "ndjson", "--out", str(out)]
        begun, before = time.perf_counter(), self.used()
        with (self.folder / "said").open("wb") as said:
            process = subprocess.Popen(argv, stderr=said)
            while kill_at and lines_in(out) < kill_at and process.poll() is None:
                time.sleep(0.01)
            if kill_at:
                self.workers[0].kill()
                begun = time.perf_counter()
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall, after = time.perf_counter() - begun, self.used()
        wanted = lines_in(targets)
        if process.returncode or lines_in(out) != wanted:
            sys.exit(f"WRONG: {lines_in(out)} of {wanted} results: {(self.folder / 'said').read_text()}")
        workers, broker = (after[place] - before[place] for place in (0, 1))
        return Cost(used.ru_utime + used.ru_stime, workers, broker, wall)

    def used(self) -> tuple[float, float]:
        """Return the CPU that workers and Redis have used so far."""
        alive = [worker for worker in self.workers if worker.poll() is None]
        return sum(cpu_seconds(worker.pid) for worker in alive), cpu_seconds(self.redis_info("process_id"))

    def redis_info(self, name: str) -> int:
        """Return a number that Redis tells of itself."""
        with self.redis.client as client:
            return int(client.info()[name])

    @contextmanager
    def working(self, count: int) -> Iterator[None]:
        """Have so many workers while the block runs."""
        log = self.folder / "workers"
        with ExitStack() as stack, log.open("wb") as said:
            for _ in range(count):
                argv = [MAILPORT, "worker", "--config", str(self.config)]
                worker = stack.enter_context(subprocess.Popen(argv, stderr=said))
                stack.callback(worker.kill)
                self.workers.append(worker)
            while log.read_text().count("working") < count:
                time.sleep(0.05)
            try:
                yield
            finally:
                self.workers.clear()


def lines_in(file: Path) -> int:
    with suppress(OSError):
        return file.read_bytes().count(b"\n")
    return 0


@contextmanager
def opened(folder: Path, concurrency: int) -> Iterator[Lab]:
    """Start servers and broker."""
    authority = create_authority(folder / "certificates")
    (folder / "providers").mkdir()
    bundle = authority.issue("localhost", addresses=["127.0.0.1"]).bundle_file
    bundle.rename(folder / "providers" / "p0.test.pem")
    (folder / "redis").mkdir()
    redis = RedisServer(folder / "redis", is_durable=False)
    redis.start()
    with ExitStack() as stack:
        stack.callback(redis.stop)
        ports = answer_of(stack.enter_context(child("all_servers.py", str(folder / "providers")))).split()
        settings = {
            "probe": {
                "allow_private": True,
                "ca_file": str(authority.ca_file),
                "total_timeout": 3,
                "timeout": 2,
            },
            "limits": {"concurrency": concurrency, "rate": 0, "per_address_gap": 0},
            "cluster": {"broker": redis.url, "lease": LEASE},
            "controls": False,
        }
        (folder / "mailport.yml").write_text(json.dumps(settings))
        for name, length in (("long", 1), ("short", SHARE)):
            lines = (
                f"smtp://127.{10 + number // 60000}.{number // 240 % 250}.{1 + number % 240}:{ports[0]}\n"
                for number in range(int(os.environ["MAILPORT_BENCH_PROBES"]) // length)
            )
            (folder / name).write_text("".join(lines))
        yield Lab(folder, folder / "mailport.yml", redis)


def cost_of(lab: Lab, *options: str) -> Cost:
    """Return what one probe costs."""
    long, short = lab.folder / "long", lab.folder / "short"
    probes = lines_in(long) - lines_in(short)
    small = lab.scan(short, *options)
    return lab.scan(long, *options).less(small, probes)


def measure(lab: Lab, rounds: int) -> None:
    """Scan in turns, and print a line for each way."""
    cluster = ("--cluster", lab.redis.url)
    found: dict[int, list[Cost]] = {count: [] for count in (0, *WORKERS)}
    traffic: list[tuple[float, float]] = []
    for _ in range(rounds):
        found[0].append(cost_of(lab))
        for count in WORKERS:
            with lab.working(count):
                names = ("total_commands_processed", "total_net_input_bytes", "total_net_output_bytes")
                before = [lab.redis_info(name) for name in names]
                found[count].append(cost_of(lab, *cluster))
                commands, came, went = (
                    lab.redis_info(name) - was for name, was in zip(names, before, strict=True)
                )
                probes = lines_in(lab.folder / "long") + lines_in(lab.folder / "short")
                traffic.append((commands / probes, (came + went) / probes))
    print(f"{'':>12}{'scan':>9}{'workers':>9}{'redis':>8}{'in all':>9}{'overhead':>10}{'probes/s':>10}")
    for count, costs in found.items():
        overhead = statistics.median(
            one.cpu / alone.cpu - 1 for one, alone in zip(costs, found[0], strict=True)
        )
        middle = [statistics.median(getattr(one, part) for one in costs) for part in PARTS]
        title = f"{count} worker{'s' * (count > 1)}" if count else "one process"
        cells = "".join(f"{value:>{width}.3f}" for value, width in zip(middle, (9, 9, 8, 9), strict=False))
        print(f"{title:>12}{cells}{overhead:>10.0%}{1000 / middle[4]:>10.0f}", flush=True)
        if count == 1:
            note(cluster_overhead=overhead)
    per_probe, size = (statistics.median(one[place] for one in traffic) for place in (0, 1))
    print(
        f"through the broker {per_probe:.2f} commands and {size:.0f} bytes a probe (median of all)",
        flush=True,
    )
    note(cluster_commands=per_probe, cluster_bytes=size)


PARTS = ("scan", "workers", "broker", "cpu", "wall")


def measure_recovery(lab: Lab, rounds: int) -> None:
    """Kill a worker in the middle of a scan, and tell how much longer that took."""
    longer = []
    long = lab.folder / "long"
    for _ in range(rounds):
        with lab.working(2):
            whole = lab.scan(long, "--cluster", lab.redis.url).wall
        with lab.working(2):
            longer.append(lab.scan(long, "--cluster", lab.redis.url, kill_at=lines_in(long) // 2).wall)
        print(f"undisturbed {whole:.1f} s; from the kill to the end {longer[-1]:.1f} s", flush=True)
    note(cluster_recovery=statistics.median(longer))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--probes", type=int, default=3000, help="endpoints of the list (default 3000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=64)
    options = parser.parse_args()
    os.environ["MAILPORT_BENCH_PROBES"] = str(options.probes)
    enter_namespace("bench.cluster")
    print(f"{len(os.sched_getaffinity(0))} cores, {options.probes} endpoints, milliseconds of CPU a probe")
    with (
        tempfile.TemporaryDirectory(prefix="mailport-bench-") as name,
        opened(Path(name), options.concurrency) as lab,
    ):
        measure(lab, options.rounds)
        measure_recovery(lab, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
