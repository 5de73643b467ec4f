"""The command `events`: what has changed, from the store, oldest first; with --follow as it happens."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO

from rich.padding import Padding
from rich.text import Text

from scanner.cli.cells import MARK_OF_SEVERITY, QUIET, STYLE_OF_SEVERITY
from scanner.cli.console import Exit, give_up, run_interruptibly, say
from scanner.cli.kept import name_store, open_source
from scanner.cli.output import make_console
from scanner.model import Severity
from scanner.model.event import Event
from scanner.model.event_record import event_record
from scanner.model.record import to_line
from scanner.store import EventQuery, QueryError, Reader, StoreError, read_query

POLL_SECONDS = 1.0
_AT_ONCE = 500
_INDENT = 24
"""Columns before the summary: the time and the mark."""


class EventWriter(Protocol):
    """Takes events as they come; `close` completes what was written."""

    def write(self, event: Event) -> None:
        """Take one event."""

    def close(self) -> None:
        """Complete the document."""


class TextWriter:
    """Lines for people."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = make_console(stream)

    def write(self, event: Event) -> None:
        """Write when, what and where; how to mend it where that matters."""
        style = STYLE_OF_SEVERITY[event.severity]
        line = Text.assemble(
            (f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", QUIET),
            "  ",
            (f"{MARK_OF_SEVERITY[event.severity]:<2}", style),
            " ",
            (event.subject, "bold"),
        )
        self._console.print(line)
        summary = Text(event.summary, style if event.severity > Severity.NOTICE else "")
        self._console.print(Padding(summary, (0, 0, 0, _INDENT)))
        if event.advice is not None and event.severity > Severity.NOTICE:
            self._console.print(Padding(Text(event.advice, QUIET), (0, 0, 0, _INDENT + 2)))
        self._stream.flush()

    def close(self) -> None:
        """Do nothing: every line is whole."""


class NdjsonEvents:
    """One line an event, at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, event: Event) -> None:
        """Write a line and flush it."""
        self._stream.write(to_line(event_record(event)) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Do nothing: every line is whole."""


class JsonEvents:
    """One array."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._separator = "[\n"

    def write(self, event: Event) -> None:
        """Write one element."""
        text = json.dumps(event_record(event), ensure_ascii=False, indent=1)
        self._stream.write(self._separator + text)
        self._stream.flush()
        self._separator = ",\n"

    def close(self) -> None:
        """End the array."""
        self._stream.write("[]\n" if self._separator.startswith("[") else "\n]\n")
        self._stream.flush()


_WRITERS: Mapping[str, type[TextWriter | NdjsonEvents | JsonEvents]] = {
    "text": TextWriter,
    "ndjson": NdjsonEvents,
    "json": JsonEvents,
}


def show_events(words: Mapping[str, str], *, form: str, is_followed: bool, config: Path | None) -> Exit:
    """Print the newest events that are asked for, oldest first, and go on with new ones if that is wanted."""
    try:
        query = read_query(words, datetime.now(UTC))
    except QueryError as error:
        give_up(f"--{error}")
    if sys.stdout is None:
        give_up("standard output is closed")
    with open_source(config) as source:
        query = replace(query, vantage=source.vantage)
        writer = _WRITERS[form](sys.stdout)
        found = source.reader.events(query)
        _write(writer, reversed(found))
        if is_followed:
            if form == "text":
                say(f"mailport: waiting for events in {name_store(source, config)}; Ctrl-C ends that")
            last = _newest_id(source.reader) if not found else found[0].id
            run_interruptibly(_follow(source.reader, replace(query, after_id=last or 0), writer))
        elif not found and form == "text":
            say(f"mailport: no such events in {name_store(source, config)}")
        writer.close()
    return Exit.DONE


def _newest_id(reader: Reader) -> int | None:
    """Return the number of the newest event of all, so that only what comes after is followed."""
    newest = reader.events(EventQuery(limit=1))
    return newest[0].id if newest else None


async def _follow(reader: Reader, query: EventQuery, writer: EventWriter) -> None:
    """Write events as they are stored; a fault of the store is told once, and waited out."""
    query = replace(query, limit=_AT_ONCE, is_newest_first=False)
    told: str | None = None
    while True:
        try:
            found = await asyncio.to_thread(reader.events, query)
        except StoreError as error:
            if str(error) != told:
                told = str(error)
                say(f"mailport: {told}; waiting for it")
        else:
            told = None
            _write(writer, found)
            if found:
                query = replace(query, after_id=found[-1].id)
            if len(found) == _AT_ONCE:
                continue
        await asyncio.sleep(POLL_SECONDS)


def _write(writer: EventWriter, events: Iterable[Event]) -> None:
    for event in events:
        writer.write(event)
