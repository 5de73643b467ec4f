"""Writes numbered entries as fast as it can until it is killed: `killed_writer.py FILE|URL`."""

import asyncio
import sys
from pathlib import Path

from scanner.store import Entry, Pace, Place, Store
from tests.store.observations import seen, told

HOSTS = 5


async def write(where: str) -> None:
    place = Place(url=where) if "://" in where else Place(path=Path(where))
    store = Store(place, pace=Pace(batch_seconds=0.005, batch_entries=20))
    known = await store.load(20)
    number = max(map(int, known.memories.values()), default=-1) + 1
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    while True:
        for _ in range(7):  # batches and hosts do not fall together
            observation = seen(number, host=f"h{number % HOSTS}.example.org", minutes=0.1)
            event = told(number, observation=observation)
            store.put(Entry(observation, str(number), (event,)))
            number += 1
        await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
