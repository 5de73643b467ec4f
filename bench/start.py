"""What a start and a reload cost a watch of 100,000 endpoints, and how long they hold the event loop up.

A process fills a store with pretended results and ends; another one starts on it, as `mailport serve` does,
and then goes on with a plan of which a tenth is new, while a tenth of the former one is gone. Names are not
looked up. Probes, with pretended results, go on meanwhile: 111 a second.

seconds   until a scrape shows all endpoints again, from the moment at which the store is opened; until the
          new plan is in force
CPU       of the process, the store's thread included
memory    resident, behind it
stall     the longest time for which the event loop was kept from others, as CPU time of its thread, and the
          99th percentile
"""

import argparse
import json
import sys
import tempfile

from bench.processes.child import answer_of, ask, child
from bench.processes.figures import note

MIB = 1024 * 1024


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoints", type=int, default=100_000)
    options = parser.parse_args()
    places = str(options.endpoints)
    with tempfile.TemporaryDirectory(prefix="mailport-bench-") as folder:
        with child("large_watch.py", places, folder) as watch:
            answer_of(watch)
            ask(watch, "fill")
            assert watch.stdin is not None
            watch.stdin.close()
            watch.wait(60)
        heads = ("seconds", "CPU s", "MiB", "stall p99 ms", "stall ms")
        print(f"{places:<10}{''.join(f'{head:>14}' for head in heads)}")
        with child("large_start.py", places, folder) as watch:
            answer_of(watch)
            for order in ("start", "reload"):
                found = json.loads(ask(watch, order))
                stall = 1000 * found["stall"]
                cells = (found["seconds"], found["cpu"], found["rss"] / MIB, 1000 * found["stall_99"], stall)
                print(f"{order:<10}{''.join(f'{cell:>14.1f}' for cell in cells)}", flush=True)
                note(**{f"{order}_seconds": found["seconds"], f"{order}_stall_ms": stall})
    return 0


if __name__ == "__main__":
    sys.exit(main())
