"""Probes with every file descriptor of the process in use, then with one free: prints both reasons."""

import asyncio
import os
import resource
import sys

import uvloop

from scanner.config import default_settings
from scanner.model import Endpoint, Protocol, Role, TlsMode
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.verdict import Policy


async def main(address: str, port: int) -> None:
    endpoint = Endpoint(
        "h.test", address, port, Protocol.SMTP, TlsMode.STARTTLS, Role.MX, "operator", ("h.test",)
    )
    prober = Prober(default_settings(()).probe, ehlo_name="probe.mail.test", tls=TlsClient(), policy=Policy())
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The next descriptor would be the lowest free one: a limit of that number forbids it.
    lowest_free = os.dup(0)
    os.close(lowest_free)
    for limit in (lowest_free, lowest_free + 16):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
        found = await asyncio.gather(*(prober.probe(endpoint) for _ in range(3)))
        print(*(observation.reason for observation in found), found[0].detail)  # noqa: T201 - the answer


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
