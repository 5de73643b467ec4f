"""What the discovery of many domains costs: CPU per domain, cold and warm, and DNS queries against the least.

10,000 domains at 50 providers, by MX and SRV records from a local name server in a process of its own. Each
domain needs its MX, six SRV and one MTA-STS question; each provider's hosts need A and AAAA once, its MX
hosts TLSA too. The sources in the web are off: what they take is their servers' time, not ours.
"""

import argparse
import resource
import sys
import time

import uvloop

from bench.processes.child import answer_of, ask, child
from scanner.config import Settings, default_settings, override
from scanner.model.target import parse_target
from scanner.service.parts import build_parts

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


async def measure(settings: Settings) -> list[tuple[float, float, int]]:
    """Plan all domains twice; return CPU and wall time per domain (ms) and the endpoints of each pass."""
    parts = build_parts(settings)
    passes = []
    try:
        for _ in range(2):
            begun, used = time.perf_counter(), cpu()
            plan = await parts.planner.plan(settings.targets)
            per_domain = 1000 / len(settings.targets)
            spent = (cpu() - used) * per_domain, (time.perf_counter() - begun) * per_domain
            passes.append((*spent, len(plan.endpoints)))
            wrong = [finding for finding in plan.findings if finding.reason != "srv_not_offered"]
            assert not wrong, wrong[:3]
    finally:
        await parts.close()
    return passes


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--providers", type=int, default=50)
    options = parser.parse_args()
    domains, providers = options.domains, options.providers
    with child("name_server.py", str(domains), str(providers)) as server:
        settings = settings_for(domains, providers, answer_of(server))
        passes = uvloop.run(measure(settings))
        asked = int(ask(server, "count"))
    least = domains * QUESTIONS_OF_DOMAIN + providers * QUESTIONS_OF_PROVIDER
    wanted = domains * (QUESTIONS_OF_DOMAIN + QUESTIONS_OF_PROVIDER)
    print(f"{domains} domains at {providers} providers: {passes[0][2]} endpoints")
    for name, (used, wall, _) in zip(("cold", "warm"), passes, strict=True):
        print(f"{name}  {used:.3f} ms of CPU a domain, {wall:.3f} ms by the clock")
    print(f"queries sent {asked}, the least possible {least}: {asked / least:.3f} of it")
    print(f"the cache saved {1 - asked / wanted:.0%} of the {wanted} questions that the domains have")
    return 0


if __name__ == "__main__":
    sys.exit(main())
