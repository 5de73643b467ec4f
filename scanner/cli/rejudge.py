"""The command `rejudge`: what today's rules make of the stored history, and whether that shall count."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from rich.padding import Padding
from rich.text import Text

from scanner.cli.cells import MARK_OF_SEVERITY, QUIET, STYLE_OF_SEVERITY
from scanner.cli.console import give_up, say
from scanner.cli.kept import Source, name_store, open_source
from scanner.cli.output import make_console
from scanner.model.event import Event
from scanner.model.event_record import event_record, write_moment
from scanner.model.record import Record
from scanner.service.recollection import write_memory
from scanner.service.rejudging import Rejudge, Rejudged
from scanner.store import Rewriter, read_moment, rewriting
from scanner.verdict.past import say_moment
from scanner.verdict.version import RULES_VERSION


@dataclass(slots=True)
class Sum:
    """What came of all endpoints."""

    rules_then: str | None
    endpoints: int = 0
    samples: int = 0
    cut: int = 0
    """Endpoints whose history does not go back to their first probe."""
    different: int = 0
    more: int = 0
    fewer: int = 0
    applied: int | None = None
    """Memories that were replaced; None where that was not asked for."""

    def add(self, found: Rejudged) -> None:
        """Count one endpoint."""
        self.endpoints += 1
        self.samples += found.samples
        self.cut += not found.is_whole
        self.different += bool(found.more or found.fewer)
        self.more += len(found.more)
        self.fewer += len(found.fewer)


class Report(Protocol):
    """Takes endpoints as they are judged."""

    def write(self, found: Rejudged) -> None:
        """Take one endpoint."""

    def close(self, total: Sum) -> None:
        """Sum up."""


def rejudge(*, since: str | None, is_applied: bool, is_json: bool, config: Path | None) -> None:
    """Judge the stored history again and print what differs."""
    try:
        moment = None if since is None else read_moment(since, datetime.now(UTC))
    except ValueError as error:
        give_up(f"--since: {error}")
    if sys.stdout is None:
        give_up("standard output is closed")
    with open_source(config) as source:
        total = Sum(source.reader.meta().get("rules"))
        with _applying(source, is_applied=is_applied) as rewriter:
            report: Report = JsonReport() if is_json else TextReport()
            total.applied = None if rewriter is None else 0
            for found in Rejudge(source.reader, source.settings, moment).run():
                total.add(found)
                report.write(found)
                if rewriter is not None:
                    rewriter.set_memory(found.key, write_memory(found.memory))
                    total.applied = (total.applied or 0) + 1
            if rewriter is not None:
                rewriter.set_meta("rules", RULES_VERSION)
            report.close(total)
        if not total.endpoints and not is_json:
            say(f"mailport: there are no endpoints to judge in {name_store(source, config)}")


@contextmanager
def _applying(source: Source, *, is_applied: bool) -> Iterator[Rewriter | None]:
    """Hold the store where the result shall count: a service would write its own memories over it."""
    if not is_applied:
        yield None
        return
    with rewriting(source.place, source.vantage) as rewriter:
        yield rewriter


class TextReport:
    """For people: the differences under each endpoint that has any, and a summary."""

    def __init__(self) -> None:
        self._console = make_console(sys.stdout)

    def write(self, found: Rejudged) -> None:
        """Print an endpoint, if anything differs."""
        if not found.more and not found.fewer:
            return
        host, address, port, _, _ = found.key
        about = f"{found.samples} samples since {say_moment(found.first_at)}"
        self._console.print(Text.assemble((f"{host} [{address}]:{port}", "bold"), (f"  {about}", QUIET)))
        signed = [("+", event) for event in found.more] + [("-", event) for event in found.fewer]
        for sign, event in sorted(signed, key=lambda each: (each[1].at, each[0])):
            self._console.print(Padding(_tell(sign, event), (0, 0, 0, 2)))

    def close(self, total: Sum) -> None:
        """Print the summary."""
        then = total.rules_then or "unknown"
        judged = f"{_count(total.samples, 'sample')} of {_count(total.endpoints, 'endpoint')} judged"
        differ = f"+ {total.more} that today's rules tell and the store lacks; - {total.fewer} the other way"
        lines = [
            f"{judged} by the rules {RULES_VERSION}; the store was judged by {then}.",
            f"{differ} round; at {_count(total.different, 'endpoint')}.",
        ]
        if total.cut:
            lines.append(
                f"{_count(total.cut, 'endpoint')} with older samples pruned: baselines from before were kept."
            )
        if total.applied is not None:
            lines.append(f"{total.applied} memories replaced; mailport serve starts with them.")
        self._console.print(Text("\n".join(lines)))


class JsonReport:
    """For programs: one object, written as the endpoints come."""

    def __init__(self) -> None:
        self._separator = '{"endpoints": [\n'

    def write(self, found: Rejudged) -> None:
        """Write an endpoint, if anything differs."""
        if found.more or found.fewer:
            sys.stdout.write(self._separator + json.dumps(_record(found), ensure_ascii=False))
            self._separator = ",\n"

    def close(self, total: Sum) -> None:
        """Write the summary."""
        if self._separator.startswith("{"):
            sys.stdout.write(self._separator)
        summary = {
            "rules": {"then": total.rules_then, "now": RULES_VERSION},
            "endpoints": total.endpoints,
            "samples": total.samples,
            "endpoints_cut": total.cut,
            "endpoints_different": total.different,
            "more": total.more,
            "fewer": total.fewer,
            "applied": total.applied,
        }
        sys.stdout.write(f'\n], "summary": {json.dumps(summary)}}}\n')
        sys.stdout.flush()


def _tell(sign: str, event: Event) -> Text:
    mark, style = MARK_OF_SEVERITY[event.severity], STYLE_OF_SEVERITY[event.severity]
    line = Text.assemble((f"{sign} ", "bold"), (f"{event.at:%Y-%m-%d %H:%M:%S}", QUIET), f"  {mark:<2} ")
    what = f"{event.kind.value} {event.name}" if event.name is not None else event.kind.value
    return line.append(what, style).append(f": {event.summary}")


def _record(found: Rejudged) -> Record:
    host, address, port, protocol, tls_mode = found.key
    return {
        "host": host,
        "address": address,
        "port": port,
        "protocol": protocol,
        "tls_mode": tls_mode,
        "samples": found.samples,
        "first_at": write_moment(found.first_at),
        "is_whole": found.is_whole,
        "more": [event_record(event) for event in found.more],
        "fewer": [event_record(event) for event in found.fewer],
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
