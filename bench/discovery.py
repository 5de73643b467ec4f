"""What the discovery of many domains costs: CPU per domain, cold and warm, and DNS queries against the least.

10,000 domains at 50 providers, by MX and SRV records from a local name server in a process of its own. Each
domain needs its MX, six SRV and one MTA-STS question; each provider's hosts need A and AAAA once, its MX
hosts TLSA too. The sources in the web are off: what they take is their servers' time, not ours.

The passes are those of a watch: the plan, and the schedule and the domain metrics that take it over. In the
warm ones the longest time is taken for which nothing else got the event loop.
"""

import argparse
import asyncio
import logging
import resource
import statistics
import sys
import time
from typing import NamedTuple

import structlog
import uvloop

from bench.processes.child import answer_of, ask, child
from scanner.config import Settings, default_settings, override
from scanner.model.target import parse_target
from scanner.service.long_lived import set_aside
from scanner.service.parts import build_parts
from scanner.service.watch import Watch

HOSTS_OF_PROVIDER = 4
"""Two for MX, one for submission, one for IMAP."""
QUESTIONS_OF_DOMAIN = 1 + 6 + 1
QUESTIONS_OF_PROVIDER = HOSTS_OF_PROVIDER * 2 + 2


def cpu() -> float:
    """Return the CPU time of this process so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def settings_for(domains: int, providers: int, server: str) -> Settings:
    targets = [parse_target(f"d{number}.p{number % providers}.test") for number in range(domains)]
    web = ("autoconfig", "ispdb", "autodiscover", "inferred", "guess")
    changes: dict[str, object] = {f"discovery.{name}": False for name in web}
    changes |= {"resolver.servers": [server], "resolver.timeout": 30, "probe.allow_private": True}
    return override(default_settings(targets), changes)


class Pulse:
    """Takes the event loop whenever it can, and notes the longest time that it had to wait."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def beat(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now


class Pass(NamedTuple):
    """What one pass took: per domain in ms, and the longest wait of others in ms."""

    cpu: float
    wall: float
    longest: float


async def measure(settings: Settings, count: int) -> tuple[list[Pass], int]:
    """Plan all domains, once cold and then warm; return what the passes took, and the number of endpoints."""
    watch = Watch(settings, build_parts(settings), on_planned=set_aside)
    passes = []
    try:
        for number in range(1 + count):
            pulse = Pulse()
            # Beside the cold pass, which waits for the name server, it would only use up CPU.
            beating = asyncio.ensure_future(pulse.beat() if number else asyncio.sleep(0))
            begun, used = time.perf_counter(), cpu()
            await watch.plan()
            per_domain = 1000 / len(settings.targets)
            spent = (cpu() - used) * per_domain, (time.perf_counter() - begun) * per_domain
            beating.cancel()
            passes.append(Pass(*spent, pulse.longest * 1000))
            wrong = [finding for finding in watch.findings() if finding.reason != "srv_not_offered"]
            assert not wrong, wrong[:3]
    finally:
        await watch.parts_in_force[1].close()
    return passes, watch.endpoints_total


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--providers", type=int, default=50)
    parser.add_argument("--warm", type=int, default=5, help="how many warm passes; their median is told")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    domains, providers = options.domains, options.providers
    with child("name_server.py", str(domains), str(providers)) as server:
        settings = settings_for(domains, providers, answer_of(server))
        passes, endpoints = uvloop.run(measure(settings, options.warm))
        asked = int(ask(server, "count"))
    least = domains * QUESTIONS_OF_DOMAIN + providers * QUESTIONS_OF_PROVIDER
    wanted = domains * (QUESTIONS_OF_DOMAIN + QUESTIONS_OF_PROVIDER)
    print(f"{domains} domains at {providers} providers: {endpoints} endpoints")
    cold, warm = passes[0], Pass(*(statistics.median(column) for column in zip(*passes[1:], strict=True)))
    for name, one in (("cold", cold), ("warm", warm)):
        print(f"{name}  {one.cpu:.3f} ms of CPU a domain, {one.wall:.3f} ms by the clock")
    print(f"in the warm passes others waited for the event loop for {warm.longest:.0f} ms at most (median)")
    print(f"queries sent {asked}, the least possible {least}: {asked / least:.3f} of it")
    print(f"the cache saved {1 - asked / wanted:.0%} of the {wanted} questions that the domains have")
    return 0


if __name__ == "__main__":
    sys.exit(main())
