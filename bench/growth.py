"""What one endpoint costs a watch as their number grows, each number in a process of its own.

Real are the schedule, the pool, judging, memory, incidents, metrics, the store (SQLite) and the garbage
collector's settings. Pretended are the results, at the seam where a probe would use the network, and the
plan, which comes from a list. So this is what mailport adds to its probes (`probe_cost.py`).

probe     CPU of one result on its whole way, at full speed: process time, the store's thread included; the
          median of three turns
memory    what the next endpoint adds to the resident memory: the difference to the row before, by the number
          of endpoints between them; the first row has what all began with
scrape    CPU of one scrape by the number of endpoints
plan      CPU of a plan that changes nothing, likewise; names are not looked up
stalls    the longest time for which the plan and the scrape kept others off the event loop, as CPU time
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from bench.processes.child import answer_of, ask, child
from bench.processes.figures import note

SIZES = (1_000, 10_000, 100_000)
TURNS = 3
KIB, MIB = 1024, 1024 * 1024


def measure(sizes: Sequence[int], probes: int) -> list[dict[str, dict[str, float]]]:
    """Fill a watch of each size, and ask each for everything; return the answers by the order.

    Results are measured in turns, since the machine is not the same from minute to minute.
    """
    with ExitStack() as stack:
        watches, answers = [], []
        for size in sizes:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mailport-bench-"))
            watch = stack.enter_context(child("large_watch.py", str(size), folder))
            answer_of(watch)
            watches.append(watch)
            answers.append({"fill": json.loads(ask(watch, "fill"))})
        turns = [
            [json.loads(ask(watch, f"probe {probes}"))["cpu"] for watch in watches] for _ in range(TURNS)
        ]
        for watch, found, costs in zip(watches, answers, zip(*turns, strict=True), strict=True):
            found["probe"] = {"cpu": median(costs)}
            found |= {name: json.loads(ask(watch, name)) for name in ("plan", "scrape")}
    return answers


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of endpoints, rising")
    parser.add_argument("--probes", type=int, default=10_000, help="results of a size in each turn")
    options = parser.parse_args()
    heads = ("probe", "memory", "in all", "scrape", "plan", "plan", "scrape")
    units = ("us", "KiB each", "MiB", "us each", "us each", "stalls ms", "stalls ms")
    for name, columns in (("endpoints", heads), ("", units)):
        print(f"{name:>9}{''.join(f'{column:>11}' for column in columns)}", flush=True)
    former: tuple[int, float] | None = None
    costs, rooms = [], []
    for size, found in zip(options.sizes, measure(options.sizes, options.probes), strict=True):
        rss = found["fill"]["rss"]
        count, base = former or (0, found["fill"]["rss_before"])
        room = (rss - base) / (size - count)
        former = (size, rss)
        costs.append(found["probe"]["cpu"])
        rooms.append(room)
        plan, scrape = found["plan"], found["scrape"]
        cells = (
            f"{costs[-1] * 1e6:11.0f}{room / KIB:11.2f}{rss / MIB:11.0f}",
            f"{scrape['cpu'] / size * 1e6:11.1f}{plan['cpu'] / size * 1e6:11.1f}",
            f"{plan['stall'] * 1000:11.1f}{scrape['stall'] * 1000:11.1f}",
        )
        print(f"{size:9}{''.join(cells)}", flush=True)
    note(growth_cpu=max(costs) / min(costs), memory_kib=rooms[-1] / KIB)
    print(f"CPU of a result: the most is {max(costs) / min(costs):.2f} of the least")
    if len(rooms) > 2:
        note(growth_memory=rooms[-1] / rooms[-2])
        print(f"memory of an endpoint: {rooms[-1] / rooms[-2]:.2f} of the row before")
    return 0


if __name__ == "__main__":
    sys.exit(main())
