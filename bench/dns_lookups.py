"""What one DNS look-up costs: our resolver, cold and from its cache, beside two ways of dnspython's own.

All ask the same name server, which is a process of its own on the other core, for the MX records of different
names. CPU is that of this process alone, in the kernel too. The server is the demo's, in Python: it sets the
pace of the cold look-ups, so the CPU is the figure to compare.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable

import dns.asyncquery
import dns.asyncresolver
import dns.flags
import dns.message
import dns.nameserver
import uvloop

from bench.processes.child import answer_of, child, on_cores
from scanner.network import Resolver
from scanner.network.answer import Status

PROVIDERS = 20
Ask = Callable[[str], Awaitable[object]]


def ask_by_resolver(place: tuple[str, int]) -> Ask:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [dns.nameserver.Do53Nameserver(*place)]
    resolver.use_edns(0, dns.flags.DO, 1232)

    async def ask(name: str) -> object:
        return await resolver.resolve(name, "MX", search=False)

    return ask


def ask_by_query(place: tuple[str, int]) -> Ask:
    address, port = place

    async def ask(name: str) -> object:
        query = dns.message.make_query(name, "MX", want_dnssec=True)
        reply, _ = await dns.asyncquery.udp_with_fallback(query, address, timeout=5, port=port)
        return reply.resolve_chaining().answer  # type: ignore[attr-defined] # of queries

    return ask


def ask_by_ours(place: tuple[str, int]) -> Ask:
    resolver = Resolver([place], timeout=30)

    async def ask(name: str) -> object:
        answer = await resolver.mx(name)
        assert answer.status is Status.FOUND, answer
        return answer

    return ask


async def measure(label: str, ask: Ask, names: list[str], at_once: int) -> None:
    """Ask for every name once and print a line of the table."""
    left = iter(names)

    async def work() -> None:
        for name in left:
            await ask(name)

    cpu, begun = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - begun
    print(f"{label:<28}{1000 * cpu / len(names):>12.3f}{len(names) / seconds:>12.0f}", flush=True)


async def compare(place: tuple[str, int], names: list[str], at_once: int) -> None:
    ours = ask_by_ours(place)
    print(f"{'':<28}{'CPU ms each':>12}{'per second':>12}")
    await measure("dns.asyncresolver", ask_by_resolver(place), names, at_once)
    await measure("dns.asyncquery", ask_by_query(place), names, at_once)
    await measure("our resolver, cold", ours, names, at_once)
    await measure("our resolver, from its cache", ours, names, at_once)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", type=int, default=4000, help="how many names (default 4000)")
    parser.add_argument("--at-once", type=int, default=64, help="look-ups under way at once (default 64)")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with on_cores({cores[0]}):
        server = child("name_server.py", str(options.names), str(PROVIDERS))
        with server as process:
            os.sched_setaffinity(0, {cores[-1]})
            address, _, port = answer_of(process).rpartition(":")
            names = [f"d{number}.p{number % PROVIDERS}.test" for number in range(options.names)]
            uvloop.run(compare((address, int(port)), names, options.at_once))
    return 0


if __name__ == "__main__":
    sys.exit(main())
