"""What a scrape of a million samples costs: ours against prometheus_client's rendering of the same samples.

Rendering: the whole document, ours piece by piece as it is sent, in turns with `generate_latest` over a
custom collector that yields the samples of our document. Reading them back and making its objects is not
counted against it. CPU of this process.

Over HTTP: the service's server in this process, a client on loopback in a process of its own, and a heartbeat
on the event loop. `late` is the most that a beat came late by the clock, with what the machine's other work
adds (`idle` has no scrape); `held` is the most CPU that the loop's thread used between two beats. With
`chrt -f 10` before the command nothing else gets in between, and both are near each other. The endpoints
belong to 14,000 domains, whose series come on top, and an incident explains a thousand of them.

Memory: how much larger the process is with all endpoints accepted than before, by endpoint; what their
observations take is not counted.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
import uvloop
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest as write_text
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from bench.processes.figures import note
from scanner.config.metrics_settings import Detail
from scanner.metrics import Exposition, Telemetry
from scanner.model import Kind, Observation, Protocol, Reason, Role, Service, Severity, StartTls, TlsMode
from scanner.model.domain import DomainFacts, Membership
from scanner.model.incident import Cause, Incident
from scanner.model.observation import Endpoint
from scanner.model.published import Source
from scanner.service.long_lived import set_aside
from scanner.web import bind, create_app, serve_http
from tests.metrics.samples import CERTIFICATE, GOOD, failed, verdict
from tests.web.service import FakeService

BEAT = 0.002
PORTS = (
    (25, Protocol.SMTP, TlsMode.STARTTLS, Role.MX, Service.MX),
    (465, Protocol.SMTP, TlsMode.IMPLICIT, Role.SUBMISSION, Service.SUBMISSION),
    (587, Protocol.SMTP, TlsMode.STARTTLS, Role.SUBMISSION, Service.SUBMISSION),
    (143, Protocol.IMAP, TlsMode.STARTTLS, Role.ACCESS, Service.IMAP),
    (993, Protocol.IMAP, TlsMode.IMPLICIT, Role.ACCESS, Service.IMAP),
    (110, Protocol.POP3, TlsMode.STARTTLS, Role.ACCESS, Service.POP3),
    (995, Protocol.POP3, TlsMode.IMPLICIT, Role.ACCESS, Service.POP3),
)
DOMAINS = 14_000
CLIENT = Path(__file__).parent / "processes" / "scraper.py"


def resident() -> int:
    """Return how much memory this process has, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def endpoint_of(number: int) -> Endpoint:
    """Return the endpoint of a number: seven ports a host."""
    host, which = divmod(number, len(PORTS))
    port, protocol, tls_mode, role, _ = PORTS[which]
    name = f"mx{host}.provider{host % 500}.example.org"
    address = f"192.{host >> 16}.{host >> 8 & 255}.{host & 255}"
    return Endpoint(name, address, port, protocol, tls_mode, role, "mx", (f"d{host}.test",))


def observe(number: int) -> Observation:
    """Return what a probe found: each has other times, each host its own certificate, one in 20 is silent."""
    endpoint, jitter = endpoint_of(number), number % 9973 * 1.2345678e-6
    started = GOOD.started_at + timedelta(seconds=number % 900, microseconds=number)
    if number % 20 == 19:
        silent = (verdict("port_blocked", Kind.BLOCKED),)
        return failed(Reason.CONNECT_TIMEOUT, endpoint=endpoint, started_at=started, verdicts=silent)
    certificate = replace(
        CERTIFICATE,
        subject=f"CN={endpoint.host}",
        issuer="C=US,O=Let's Encrypt,CN=R11",
        fingerprint_sha256=f"{number // len(PORTS):064x}",
    )
    return replace(
        GOOD,
        endpoint=endpoint,
        started_at=started,
        duration=GOOD.duration + jitter,
        phases={phase: seconds + jitter for phase, seconds in GOOD.phases.items()},
        banner=f"220 {endpoint.host} ESMTP Postfix",
        certificate=certificate,
        starttls=StartTls(offered=True) if endpoint.tls_mode is TlsMode.STARTTLS else None,
    )


def facts_of(domains: int, endpoints: int) -> Iterator[DomainFacts]:
    """Yield the domains: each uses the seven ports of a host."""
    hosts = max(1, endpoints // len(PORTS))
    for number in range(domains):
        host = number % hosts
        members = tuple(
            Membership(service, endpoint_of(host * len(PORTS) + which).key, Source.MX)
            for which, (*_, service) in enumerate(PORTS)
        )
        yield DomainFacts(f"d{number}.test", members, dane=bool(number % 2))


def fill(endpoints: int, detail: Detail) -> tuple[Exposition, float, float]:
    """Return an exposition of so many endpoints, and the bytes of one and the CPU of one result."""
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    exposition = Exposition(registry=registry, detail=lambda: detail)
    before, spent = resident(), 0.0
    for number in range(endpoints):
        seen = observe(number)
        used = time.process_time()
        exposition.accept(seen)
        spent += time.process_time() - used
        telemetry.observe(seen)
    return exposition, (resident() - before) / endpoints, spent / endpoints


def add_domains(exposition: Exposition, endpoints: int) -> None:
    """Let 14,000 domains depend on the endpoints, and an incident explain a thousand of them."""
    for _ in exposition.domains.replace(facts_of(DOMAINS, endpoints)):
        pass
    for number in range(min(endpoints, DOMAINS * len(PORTS))):
        exposition.domains.accept(observe(number))
    keys = tuple(endpoint_of(number).key for number in range(0, min(endpoints, 7000), len(PORTS)))
    since = datetime(2026, 1, 1, tzinfo=UTC)
    names = ("egress_blocked", Kind.BLOCKED, Severity.CRITICAL)
    exposition.incidents.replace([Incident(Cause.EGRESS_BLOCKED, "port 25", *names, since, keys, (), "", "")])


_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Peer(Collector):
    """Yields the samples of a document as prometheus_client has them; keeps the CPU that this takes."""

    def __init__(self, document: bytes) -> None:
        self._families = document.decode().removesuffix("# EOF\n").split("# HELP ")[1:]
        self.spent = 0.0

    def collect(self) -> Iterator[Metric]:
        """Yield family by family, so that not all of its objects are there at once."""
        for text in self._families:
            used = time.process_time()
            metric = read(text)
            self.spent += time.process_time() - used
            yield metric


def read(text: str) -> Metric:
    """Read a family back; its labels have nothing that would be escaped."""
    lines = text.splitlines()
    name, _, documentation = lines[0].partition(" ")
    kind = lines[1].rpartition(" ")[2]
    family = Metric(name.removesuffix("_total") if kind == "counter" else name, documentation, kind)
    for line in lines[2:]:
        if not line.startswith("#"):
            begin, _, value = line.rpartition(" ")
            family.samples.append(Sample(begin.partition("{")[0], dict(_LABEL.findall(begin)), float(value)))
    return family


def samples_in(document: bytes) -> int:
    """Return how many lines are no metadata."""
    return document.count(b"\n") - document.count(b"\n#") - document.startswith(b"#")


@dataclass(slots=True)
class Rendering:
    """CPU seconds of one rendering by both."""

    ours: float
    theirs: float
    samples: int
    size: int


def render_in_turns(exposition: Exposition, *, openmetrics: bool) -> Rendering:
    """Render once each; check that the other one has as many samples."""
    gc.collect()
    used = time.process_time()
    for _ in exposition.pieces(openmetrics=openmetrics):
        pass
    ours = time.process_time() - used
    document = exposition.render(openmetrics=openmetrics)
    peer = Peer(document)
    write: Callable[[Peer], bytes] = write_openmetrics if openmetrics else write_text
    used = time.process_time()
    theirs = write(peer)
    spent = time.process_time() - used - peer.spent
    counts = [samples_in(text) for text in (document, theirs)]
    if counts[0] != counts[1]:
        raise SystemExit(f"ours has {counts[0]} samples, prometheus_client's {counts[1]}")
    return Rendering(ours, spent, counts[0], len(document))


class Heart:
    """Beats on the event loop; notes how late the latest beat came, and the most CPU between two."""

    def __init__(self) -> None:
        self.latest = 0.0
        self.held = 0.0

    async def beat(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due, used = loop.time() + BEAT, time.thread_time()
            await asyncio.sleep(BEAT)
            self.latest = max(self.latest, loop.time() - due)
            self.held = max(self.held, time.thread_time() - used)


@dataclass(slots=True)
class Scraped:
    """What one scrape over HTTP took, in seconds, and how much came."""

    wall: float
    cpu: float
    size: int
    heart: Heart


async def scrape(place: tuple[str, int], form: str, encoding: str) -> Scraped:
    """Let the client scrape once."""
    heart = Heart()
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, str(CLIENT), place[0], str(place[1]), form, encoding),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    await client.stdout.readline()  # it has started
    gc.collect()
    beating = asyncio.create_task(heart.beat())
    used = time.process_time()
    client.stdin.write(b"go\n")
    seconds, size = (await client.stdout.readline()).split()
    cpu = time.process_time() - used
    beating.cancel()
    if await client.wait():
        raise SystemExit("the client failed")
    return Scraped(float(seconds), cpu, int(size), heart)


async def idle(seconds: float) -> Heart:
    """Return how beats come while nothing is done."""
    heart = Heart()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(heart.beat(), seconds)
    return heart


async def scrape_over_http(exposition: Exposition, rounds: int) -> None:
    """Print what scrapes over HTTP take."""
    service = FakeService(seen=())
    service.exposition = exposition
    sock = bind("127.0.0.1:0")
    place = sock.getsockname()[:2]
    heads = "".join(f"{head:>10}" for head in ("MB sent", "wall s", "CPU s", "late ms", "held ms"))
    print(f"\n{'over HTTP':<20}{heads}   (medians; late and held: the worst)")
    async with serve_http(create_app(service), sock):
        await scrape(place, "text", "gzip")  # the first request puts the application together
        heart = await idle(2)
        print(f"{'idle':<20}{'':>30}{1000 * heart.latest:>10.1f}{1000 * heart.held:>10.1f}", flush=True)
        rows = []
        for form, encoding in (("text", "identity"), ("text", "gzip"), ("openmetrics", "gzip")):
            took = [await scrape(place, form, encoding) for _ in range(rounds)]
            rows.append(took)
            print(f"{f'{form} {encoding}':<20}{row_of(took)}", flush=True)
        held = max(one.heart.held for took in rows for one in took)
        plain = statistics.median(one.wall for one in rows[0])
        note(scrape_seconds=plain, scrape_stall_ms=1000 * held)


def row_of(took: list[Scraped]) -> str:
    """Return the figures of some scrapes as columns."""
    size, wall, cpu = (
        statistics.median(getattr(one, name) for one in took) for name in ("size", "wall", "cpu")
    )
    late, held = (1000 * max(getattr(one.heart, name) for one in took) for name in ("latest", "held"))
    return f"{size / 1e6:>10.1f}{wall:>10.2f}{cpu:>10.2f}{late:>10.1f}{held:>10.1f}"


def print_details() -> None:
    """Print the samples of an endpoint by `metrics.detail`."""
    print(f"\n{'metrics.detail':<24}{'samples an endpoint':>20}")
    for detail in Detail:
        exposition = Exposition(detail=partial(Detail, detail))
        for number in range(7000):
            exposition.accept(observe(number))
        print(f"{detail:<24}{samples_in(exposition.render(openmetrics=False)) / 7000:>20.1f}")


def print_renderings(exposition: Exposition, count: int) -> None:
    """Print what both take to render the document."""
    heads = f"{'samples':>10}{'MB':>8}{'ours s':>10}{'theirs s':>10}{'ratio':>8}"
    print(f"\n{'rendering':<14}{heads}   (CPU; medians)")
    for name, is_openmetrics in (("text", False), ("openmetrics", True)):
        rounds = [render_in_turns(exposition, openmetrics=is_openmetrics) for _ in range(count)]
        ours, theirs = (statistics.median(getattr(one, who) for one in rounds) for who in ("ours", "theirs"))
        ratio = statistics.median(one.theirs / one.ours for one in rounds)
        if not is_openmetrics:
            note(scrape_ratio=ratio)
        size = f"{rounds[0].samples:>10}{rounds[0].size / 1e6:>8.1f}"
        print(f"{name:<14}{size}{ours:>10.3f}{theirs:>10.2f}{ratio:>8.0f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1_000_000, help="of endpoints, about")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement; medians are told")
    parser.add_argument("--only-http", action="store_true", help="leave prometheus_client out")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    endpoints = round(options.samples / 33.8)
    exposition, size, cpu = fill(endpoints, Detail.STANDARD)
    print(f"{endpoints} endpoints: {size:.0f} bytes each, {cpu * 1e6:.0f} µs of CPU to accept a first result")
    if not options.only_http:
        print_renderings(exposition, options.rounds)
    add_domains(exposition, endpoints)
    set_aside()
    uvloop.run(scrape_over_http(exposition, options.rounds))
    print_details()
    return 0


if __name__ == "__main__":
    sys.exit(main())
