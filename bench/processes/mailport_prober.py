"""mailport's prober by itself: `mailport_prober.py CA_FILE PORT MODE [PROTOCOL]` obeys lines of its input.

`PROBES CONCURRENCY` makes that many probes and prints a line of JSON: the seconds they took, and how often
each reason came out (`open` where there is none). MODE is `starttls` or `implicit`, PROTOCOL `smtp` unless
another is given.
"""

import asyncio
import gc
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import uvloop

from scanner.config import ProbeSettings
from scanner.model import Endpoint, Protocol, Role, TlsMode
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.verdict import Policy

PATIENCE = 120.0


def build_prober(ca_file: Path) -> Prober:
    """Build a prober as the service does, but patient: a benchmark waits for what it measures."""
    settings = ProbeSettings(greeting_timeout=PATIENCE, total_timeout=PATIENCE)
    return Prober(settings, ehlo_name="prober.mail.test", tls=TlsClient(ca_file), policy=Policy())


async def probe_many(prober: Prober, endpoint: Endpoint, probes: int, concurrency: int) -> dict[str, object]:
    """Probe one endpoint many times, `concurrency` connections at once."""
    reasons: Counter[str] = Counter()
    left = iter(range(probes))

    async def work() -> None:
        for _ in left:
            observation = await prober.probe(endpoint)
            reasons[str(observation.reason or "open")] += 1

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return {"seconds": time.perf_counter() - begun, "reasons": reasons}


async def obey(ca_file: Path, port: int, mode: TlsMode, protocol: Protocol) -> None:
    role = Role.SUBMISSION if protocol is Protocol.SMTP else Role.ACCESS
    endpoint = Endpoint("bench.mail.test", "127.0.0.1", port, protocol, mode, role, "target", ("mail.test",))
    prober = build_prober(ca_file)
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        probes, concurrency = map(int, line.split())
        print(json.dumps(await probe_many(prober, endpoint, probes, concurrency)), flush=True)
        gc.collect()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    spoken = Protocol(sys.argv[4] if len(sys.argv) > 4 else "smtp")
    uvloop.run(obey(Path(sys.argv[1]), int(sys.argv[2]), TlsMode(sys.argv[3]), spoken))
