"""mailport's sweep of TLS versions by itself: `sweeper.py HOST ADDRESS PORT PROTOCOL COUNT`.

Sweeps that many times, one after the other, after one that does not count, and as often with a whole probe
before; prints a line of JSON: the CPU of one sweep in seconds, that of a probe and a sweep (`profile`), the
connections that a sweep makes, and the versions it finds.
"""

import asyncio
import json
import resource
import sys
import time

import uvloop

from scanner.config import ProbeSettings
from scanner.model import Endpoint, Observation, Protocol, TlsMode, role_of
from scanner.probe import Prober, Sweep
from scanner.protocol import TlsClient
from scanner.verdict import Policy


def cpu() -> float:
    """Return the CPU time of this process so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def sweep(prober: Prober, observation: Observation) -> Sweep:
    """Make one sweep to its end."""
    made = Sweep(observation, with_groups=False)
    while await made.step(prober):
        await asyncio.sleep(0)
    return made


async def main() -> None:
    host, address, port, protocol, count = sys.argv[1:6]
    spoken = Protocol(protocol)
    endpoint = Endpoint(
        *(host, address, int(port), spoken, TlsMode.STARTTLS, role_of(spoken, int(port)), "operator", (host,))
    )
    prober = Prober(ProbeSettings(), ehlo_name="prober.mail.test", tls=TlsClient(None), policy=Policy())
    observation = await prober.probe(endpoint)
    made = await sweep(prober, observation)
    used, begun = cpu(), time.perf_counter()
    for _ in range(int(count)):
        made = await sweep(prober, observation)
    seconds = {"cpu": (cpu() - used) / int(count), "wall": (time.perf_counter() - begun) / int(count)}
    used = cpu()
    for _ in range(int(count)):
        await sweep(prober, await prober.probe(endpoint))
    seconds["profile"] = (cpu() - used) / int(count)
    found = made.finish()
    print(json.dumps({**seconds, "connections": found.connections, "versions": dict(found.versions)}))


if __name__ == "__main__":
    uvloop.run(main())
