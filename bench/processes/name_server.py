"""A name server by itself: `name_server.py DOMAINS PROVIDERS` tells where it is, and counts questions.

A line on standard input is answered by the number of questions so far.
"""

import asyncio
import sys

import uvloop

from scanner.demo.dns import NameServer
from scanner.demo.zone import Records, Zone
from tests.network.name_servers import bind_both

SERVICES = (("_submissions", 465, "smtp"), ("_submission", 587, "smtp"), ("_imaps", 993, "imap"))


class Counting(Zone):
    """A zone that counts; existence is known by name, without a search through all names."""

    def __init__(self, records: Records) -> None:
        super().__init__(records)
        self.count = 0
        self._parents = {name.parent() for name in self._sets} | set(self._sets)

    def answer(self, wire: bytes, limit: int | None) -> bytes | None:
        """Count one question and answer it."""
        self.count += 1
        return super().answer(wire, limit)

    def _exists(self, name: object) -> bool:
        return name in self._parents


def make_records(domains: int, providers: int) -> Records:
    """Return domains with two MX hosts and SRV records of their provider, and the hosts' addresses."""
    records: dict[str, dict[str, list[str]]] = {}
    for number in range(providers):
        for place, host in enumerate(("mx1", "mx2", "smtp", "imap")):
            records[f"{host}.p{number}.test."] = {
                "A": [f"127.{number % 250}.1.{place + 1}"],
                "AAAA": [f"2001:db8:{number:x}::{place + 1}"],
            }
    for number in range(domains):
        provider = f"p{number % providers}.test."
        name = f"d{number}.{provider}"
        records[name] = {"MX": [f"10 mx1.{provider}", f"20 mx2.{provider}"]}
        for label, port, host in SERVICES:
            records[f"{label}._tcp.{name}"] = {"SRV": [f"0 1 {port} {host}.{provider}"]}
        records[f"_pop3s._tcp.{name}"] = {"SRV": ["0 0 0 ."]}
    return records


async def main() -> None:
    zone = Counting(make_records(int(sys.argv[1]), int(sys.argv[2])))
    udp, tcp = bind_both("127.0.0.1")
    await NameServer(zone).start(udp, tcp)
    print("{}:{}".format(*udp.getsockname()), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(zone.count, flush=True)


if __name__ == "__main__":
    uvloop.run(main())
