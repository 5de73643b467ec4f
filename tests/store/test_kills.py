"""A writer killed at any moment leaves entries whole: memory, sample and event of each, or none of them."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from scanner.store import EventQuery, Place, Reader
from tests.store.killed_writer import HOSTS
from tests.store.observations import NOW, all_samples

ROOT = Path(__file__).parents[2]
KILLS = 12


async def test_every_entry_is_there_whole_or_not_at_all(place: Place) -> None:
    where = str(place.path or place.url)
    chance = random.Random(25)
    last = -1
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.store.killed_writer", where], cwd=ROOT, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            while (line := await asyncio.to_thread(writer.stdout.readline)) != b"writing\n":
                assert line, "it ended by itself"
            await asyncio.sleep(chance.uniform(0.02, 0.25))
            writer.kill()
        last = await asyncio.to_thread(check, place, last)
    assert last > 10 * KILLS


def check(place: Place, before: int) -> int:
    """Compare what the three tables tell; return the last number written."""
    reader = Reader(place)
    memories = {each.key[0]: int(each.memory or "") for each in reader.memories()}
    events = reader.events(EventQuery(limit=10**6, is_newest_first=False))
    numbers = [int(str(event.before["number"])) for event in events]
    samples = sorted((sample.started_at, sample.endpoint.host) for sample in all_samples(reader))
    reader.close()

    last = max(numbers, default=-1)  # nothing at all where the first was killed before its first batch
    # All up to the last one, in order, and none twice: what a kill tore away was written by the next run.
    assert numbers == list(range(last + 1))
    assert [host for _, host in samples] == [f"h{number % HOSTS}.example.org" for number in numbers]
    assert [started_at for started_at, _ in samples[:1]] == [NOW] * bool(numbers)
    newest = {f"h{number % HOSTS}.example.org": number for number in numbers}
    assert memories == newest
    assert last >= before
    return last
