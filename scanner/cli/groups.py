"""Records by domain: whose server each one is, and which domains share it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from scanner.model.record import Record

Server = tuple[str, str]
"""Host and address; the address is empty where there is none."""


@dataclass(frozen=True, slots=True)
class Group:
    """What is told of one domain: its own records, and those of its servers that stand under another."""

    domain: str
    records: tuple[Record, ...]
    elsewhere: tuple[Record, ...]

    @property
    def is_host(self) -> bool:
        """Whether its name says no more than that of its one host."""
        is_alone = not self.elsewhere and not self.sharers
        return is_alone and all(record["host"] == self.domain for record in self.records)

    @property
    def sharers(self) -> int:
        """How many other domains share a server that stands here."""
        return len({name for record in self.records for name in record["domains"]} - {self.domain})

    @property
    def servers(self) -> list[tuple[Server, list[Record]]]:
        """The records by server, in their order."""
        return [(server, list(records)) for server, records in groupby(self.records, _server_of)]

    @property
    def places_elsewhere(self) -> list[tuple[str, str, list[int]]]:
        """The servers that stand under another domain: the host, that domain, and the ports."""
        ports: dict[Server, set[int]] = defaultdict(set)
        for record in self.elsewhere:
            ports[record["host"], record["domain"]].add(record["port"])
        return [(host, owner, sorted(numbers)) for (host, owner), numbers in sorted(ports.items())]


def group_by_domain(records: Iterable[Record]) -> list[Group]:
    """Return the records by domain, each record once, each domain by its name."""
    own: dict[str, list[Record]] = defaultdict(list)
    elsewhere: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=_order):
        own[record["domain"]].append(record)
        for domain in record["domains"]:
            if domain != record["domain"]:
                elsewhere[domain].append(record)
    return [
        Group(domain, tuple(own.get(domain, ())), tuple(elsewhere.get(domain, ())))
        for domain in sorted(own.keys() | elsewhere.keys())
    ]


def _server_of(record: Record) -> Server:
    return (record["host"], record["address"] or "")


def _order(record: Record) -> tuple[bool, bool, str, str, int]:
    """What is said of the domain itself comes first, then of hosts as a whole, then of their ports."""
    is_port = record["port"] is not None
    is_of_host = not is_port and record["host"] != record["domain"]
    return (is_port, is_of_host, *_server_of(record), record["port"] or 0)
