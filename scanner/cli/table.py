"""The table of a scan: domains, under each its servers, under each a row a port with what was found."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scanner.cli.cells import (
    QUIET,
    tell_certificate,
    tell_group,
    tell_news,
    tell_port,
    tell_software,
    tell_source,
    tell_state,
    tell_time,
    tell_tls,
)
from scanner.cli.groups import Group, group_by_domain
from scanner.cli.weight import is_notice
from scanner.model import Source
from scanner.model.record import Record

INDENT = 2
GAP = 2
"""Columns of text between two cells."""
LEAST_NEWS = 44
"""Columns of text that findings need beside the other cells; with less they stand below them."""
MOST_SERVERS = 3
"""How many servers that stand under other domains are named."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a row: its heading, what stands in it, and how wide the widest of it is."""

    heading: str
    tell: Callable[[Record], Text]
    is_right: bool = False
    width: int = 0


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns there are, and whether the findings stand beside them or below."""

    columns: tuple[_Column, ...]
    has_news_beside: bool
    longest: int | None

    def head(self) -> RenderableType:
        """Return the headings."""
        grid = self._make_grid()
        grid.add_row(
            *(column.heading for column in self.columns), "what we saw" if self.has_news_beside else ""
        )
        return Padding(grid, (0, 0, 0, INDENT), style="bold")

    def rows(self, records: Iterable[Record]) -> Iterator[RenderableType]:
        """Yield a row a record."""
        grid = self._make_grid()
        for record in records:
            cells = [column.tell(record) for column in self.columns]
            news = tell_news(record, self.longest)
            grid.add_row(*cells, news if self.has_news_beside else "")
            if news and not self.has_news_beside:
                yield Padding(grid, (0, 0, 0, INDENT))
                yield Padding(news, (0, 0, 0, INDENT + self.columns[0].width + GAP))
                grid = self._make_grid()
        if grid.row_count:
            yield Padding(grid, (0, 0, 0, INDENT))

    def _make_grid(self) -> Table:
        grid = Table.grid(padding=(0, GAP, 0, 0), expand=True)
        for column in self.columns:
            grid.add_column(width=column.width, justify="right" if column.is_right else "left", no_wrap=True)
        grid.add_column(ratio=1, overflow="fold")
        return grid


def build_table(records: Iterable[Record], width: int, longest: int | None = None) -> RenderableType:
    """Return the table of all records, grouped by domain, for `width` columns of text.

    Findings longer than `longest` characters lose their middle; None shows all of them.
    """
    groups = group_by_domain(records)
    layout = _lay_out([record for group in groups for record in group.records], width, longest)
    parts: list[RenderableType] = [layout.head(), Text("─" * width, QUIET)]
    was_domain = False
    for number, group in enumerate(groups):
        is_domain = not group.is_host
        if number and (is_domain or was_domain):
            parts.append(Text(""))
        parts += _tell_group(group, layout)
        was_domain = is_domain
    return Lines(*parts)


def _lay_out(records: Sequence[Record], width: int, longest: int | None) -> _Layout:
    has_sources = any(record["source"] != Source.OPERATOR for record in records)
    columns = [
        _Column("port", tell_port, is_right=True),
        _Column("state", tell_state),
        _Column("TLS", tell_tls),
        _Column("cert", tell_certificate, is_right=True),
        _Column("time", tell_time, is_right=True),
        *([_Column("source", tell_source)] if has_sources else []),
    ]
    optional = [_Column("software", tell_software), _Column("key exchange", tell_group)]
    columns = [_measure(column, records) for column in columns]
    room = width - INDENT - sum(column.width + GAP for column in columns)
    has_news_beside = room >= LEAST_NEWS
    for column in (_measure(column, records) for column in optional):
        room -= column.width + GAP
        if room < (LEAST_NEWS if has_news_beside else 0):
            break
        columns.append(column)
    return _Layout(tuple(columns), has_news_beside, longest)


def _measure(column: _Column, records: Iterable[Record]) -> _Column:
    widest = max((cell_len(column.tell(record).plain) for record in records), default=0)
    width = max(widest, len(column.heading))
    return _Column(column.heading, column.tell, column.is_right, width)


def _tell_group(group: Group, layout: _Layout) -> Iterator[RenderableType]:
    is_host = group.is_host
    if not is_host:
        others = (
            f"{group.sharers} other {'domain shares' if group.sharers == 1 else 'domains share'} a server"
        )
        yield Text.assemble((group.domain, "bold"), (f"  {others}" if group.sharers else "", QUIET))
    for (host, address), records in group.servers:
        name = Text.assemble((host, "bold" if is_host else ""), (f"  {address}" if address else "", QUIET))
        if is_host or host != group.domain or address:
            yield Padding(name, (0, 0, 0, 0 if is_host else INDENT))
        yield from (
            Padding(tell_news(record, layout.longest), (0, 0, 0, INDENT))
            for record in records
            if is_notice(record)
        )
        probed = [record for record in records if not is_notice(record)]
        if probed:
            yield from layout.rows(probed)
    yield from _tell_elsewhere(group)


def _tell_elsewhere(group: Group) -> Iterator[RenderableType]:
    places = group.places_elsewhere
    for host, owner, ports in places[:MOST_SERVERS]:
        text = Text(f"{host}  ").append(f"{', '.join(map(str, ports))}: see {owner}", QUIET)
        yield Padding(text, (0, 0, 0, INDENT))
    if len(places) > MOST_SERVERS:
        yield Padding(Text(f"and {len(places) - MOST_SERVERS} more", QUIET), (0, 0, 0, INDENT))
