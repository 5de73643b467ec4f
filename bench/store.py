"""What the store costs the event loop, and the disk: entries at a steady rate, and a heartbeat beside them.

The loop puts entries and beats every 5 ms; how late a beat comes is how long the loop was held up: by our
own puts, by the writer's hold on the interpreter, by the garbage collector, and by whatever else the machine
does. The same is measured first with puts that go nowhere. Entries have a memory of 600 characters, one in a
thousand an event. The collector is set as the service sets it; `--plain-gc` leaves it as Python has it.

Growth: 100 endpoints at an interval of 15 minutes, with what real servers vary: one in five writes an id into
its greeting, certificates change on day six, and every probe has other times.
"""

import argparse
import asyncio
import gc
import logging
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import psycopg
import structlog
import uvloop

from scanner.model import Certificate, Observation, Phase, Severity
from scanner.model.event import Event, EventKind
from scanner.model.observation import ChainMember
from scanner.service.long_lived import set_aside
from scanner.store import Entry, Limits, Place, Store
from tests.metrics.samples import GOOD
from tests.servers.postgres import new_postgres

BEAT = 0.005
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MEMORY = '{"baseline": "' + "b" * 560 + '", "seen": %d}'
CAPABILITIES = (
    *("PIPELINING", "SIZE 157286400", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN"),
    *("AUTH PLAIN LOGIN XOAUTH2", "VRFY", "ETRN", "STARTTLS", "LIMITS RCPTMAX=1000"),
)


def chain_of(number: int) -> tuple[ChainMember, ...]:
    names = (f"CN=mx{number}.example.org", "CN=R11,O=Example Encrypt,C=US", "CN=Root X1,O=Example Group,C=US")
    return tuple(
        ChainMember(subject, issuer, BEGIN + timedelta(days=90), "RSA 2048", "SHA256", f"{number:064x}")
        for subject, issuer in zip(names, (*names[1:], names[-1]), strict=True)
    )


def certificate_of(number: int) -> Certificate:
    assert GOOD.certificate is not None
    names = tuple(f"{name}{number}.example.org" for name in ("mx", "mail", "smtp", "imap"))
    return replace(GOOD.certificate, names=names, fingerprint_sha256=f"{number:064x}", chain=chain_of(number))


def observe(endpoint: int, at: datetime, chance: Random, *, renewal: int = 0) -> Observation:
    """Return what a probe of an endpoint would bring; all that changes from probe to probe is new."""
    phases = {phase: chance.expovariate(30) for phase in Phase}
    number = f" {chance.randbytes(8).hex()}" if endpoint % 5 == 0 else ""
    return replace(
        GOOD,
        endpoint=replace(
            GOOD.endpoint,
            host=f"mx{endpoint}.example.org",
            address=f"192.0.2.{endpoint % 250}",
            dns_seconds=chance.expovariate(100),
        ),
        started_at=at,
        duration=sum(phases.values()),
        phases=phases,
        banner=f"220 mx{endpoint}.example.org ESMTP Postfix{number}",
        capabilities=CAPABILITIES,
        capabilities_tls=CAPABILITIES,
        certificate=certificate_of(endpoint + 100_000 * renewal),
        bytes_read=5200 + chance.randrange(40),
    )


def change(observation: Observation) -> Event:
    return Event(
        observation.started_at,
        EventKind.STATE_CHANGED,
        f"{observation.endpoint.host}:587",
        Severity.WARNING,
        "The state changed from open to blocked.",
        key=observation.endpoint.key,
        before={"state": "open"},
        after={"state": "blocked"},
    )


@dataclass(frozen=True, slots=True)
class Load:
    """What one run measured."""

    put: int
    put_micros: float
    late: list[float]
    """How late each beat came, in seconds."""
    cpu: float
    """Seconds of CPU for each second of the clock, of all threads."""
    most_pending: int
    drained: float
    """How long it took at the end until everything was written."""
    collected: float
    """The longest time that the garbage collector held everything up, in seconds."""


async def beat(late: list[float]) -> None:
    while True:
        due = time.perf_counter() + BEAT
        await asyncio.sleep(BEAT)
        late.append(max(0.0, time.perf_counter() - due))


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def load(put: Callable[[Entry], None], waiting: Callable[[], int], options: argparse.Namespace) -> Load:
    """Put entries at the rate wanted, from a list made before, and measure."""
    chance = Random(1)
    made = [observe(number, BEGIN, chance) for number in range(options.endpoints)]
    late: list[float] = []
    pauses: list[float] = [0.0]
    if not options.plain_gc:
        set_aside()
    time_collector(pauses)
    heart = asyncio.ensure_future(beat(late))
    begun, used, done, spent, most = time.perf_counter(), cpu(), 0, 0.0, 0
    while (passed := time.perf_counter() - begun) < options.seconds:
        due = int(passed * options.rate)
        for number in range(done, due):
            # A probe makes an observation of its own: what varies is made here, and counted as the loop's.
            seen = made[number % options.endpoints]
            observation = replace(seen, started_at=BEGIN + timedelta(milliseconds=number))
            events = (change(observation),) if number % 1000 == 0 else ()
            entry = Entry(observation, MEMORY % number, events)
            at = time.perf_counter()
            put(entry)
            spent += time.perf_counter() - at
        done = due
        most = max(most, waiting())
        await asyncio.sleep(0.001)
    used = cpu() - used
    heart.cancel()
    gc.callbacks.clear()
    at = time.perf_counter()
    while waiting():
        await asyncio.sleep(0.01)
    return Load(done, spent / done * 1e6, late, used / passed, most, time.perf_counter() - at, max(pauses))


def time_collector(pauses: list[float]) -> None:
    """Note how long each collection takes."""
    begun = [0.0]

    def note(phase: str, _: object) -> None:
        if phase == "start":
            begun[0] = time.perf_counter()
        else:
            pauses.append(time.perf_counter() - begun[0])

    gc.callbacks.append(note)


async def run_store(place: Place, options: argparse.Namespace) -> Load:
    store = Store(place)
    await store.load(30)
    try:
        found = await load(store.put, lambda: store.status.pending, options)
    finally:
        status = store.status
        await store.close(60)
    assert status.is_up, status
    assert status.written == found.put, status
    assert not status.dropped + status.refused + status.failures, status
    return found


async def grow(place: Place, options: argparse.Namespace) -> list[int]:
    """Write some days of 100 endpoints; return the bytes on disk before the first and after each."""
    store = Store(place, Limits(samples=100_000, sample_days=10_000))
    await store.load(30)
    chance = Random(2)
    sizes = [await asyncio.to_thread(size_of, store)]
    for day in range(options.days):
        for probe in range(96):
            at = BEGIN + timedelta(days=day, minutes=15 * probe)
            for endpoint in range(100):
                observation = observe(endpoint, at, chance, renewal=day // 6)
                store.put(Entry(observation, MEMORY % (day * 96 + probe)))
            await store.flush(60)
        sizes.append(await asyncio.to_thread(size_of, store))
    await store.close(60)
    return sizes


def size_of(store: Store) -> int:
    """Return the bytes of the database itself, its log aside."""
    if store.place.path is not None:
        return store.place.path.stat().st_size
    with psycopg.connect(store.place.url or "") as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return 0 if row is None else int(row[0])


def show(name: str, found: Load) -> None:
    late = sorted(found.late)
    beats = (statistics.median(late), late[int(len(late) * 0.99)], late[int(len(late) * 0.999)], late[-1])
    cells = [f"{seconds * 1000:9.1f}" for seconds in (*beats, found.collected)]
    cells += [
        f"{found.put_micros:9.1f}",
        f"{found.cpu:9.2f}",
        f"{found.most_pending:9}",
        f"{found.drained:9.2f}",
    ]
    print(f"{name:12}{''.join(cells)}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--rate", type=float, default=2000.0, help="observations a second")
    parser.add_argument("--endpoints", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=10, help="of growth; 0 = leave it out")
    parser.add_argument("--plain-gc", action="store_true", help="leave the collector as Python has it")
    options = parser.parse_args()
    # Its lines would be among the figures.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailport-bench-")))
        server = stack.enter_context(new_postgres(is_durable=True))
        places = {
            "sqlite": lambda: Place(path=folder / f"{time.monotonic_ns()}.db"),
            "postgresql": lambda: Place(url=server.url(server.create_database())),
        }
        print(f"{options.rate:g} a second for {options.seconds:g} s, {options.endpoints} endpoints")
        print(f"{'':12}  ------ beat late by, ms ------        gc,  one put,      CPU     most  drained,")
        print(f"{'':12}   median      99%    99.9%     most  ms most       us   share   pending        s")
        show("puts only", uvloop.run(load(lambda _: None, lambda: 0, options)))
        for name, make in places.items():
            show(name, uvloop.run(run_store(make(), options)))
        for name, make in places.items() if options.days else ():
            sizes = uvloop.run(grow(make(), options))
            first, per_day = (sizes[1] - sizes[0]) / 100, (sizes[-1] - sizes[0]) / options.days / 100
            print(
                f"{name:12}{first:9,.0f} bytes an endpoint on the first day, {per_day:9,.0f} a day on average"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
