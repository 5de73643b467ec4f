"""The table of a scan: one row an endpoint, worst news in plain words, and a summary."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from scanner.cli.weight import weight_of
from scanner.model import Severity, State
from scanner.model.record import Record

_STYLE_OF_STATE = {
    State.OPEN: "green",
    State.CLOSED: "dim",
    State.BLOCKED: "bold red",
    State.UNREACHABLE: "red",
    State.REJECTING: "yellow",
    State.BROKEN: "red",
    State.UNKNOWN: "magenta",
    State.NOT_OFFERED: "dim",
}
_STYLE_OF_SEVERITY = {"critical": "bold red", "warning": "yellow", "notice": "dim"}
_MARK_OF_SEVERITY = {"critical": "!!", "warning": "!", "notice": "·"}
NARROW = 120
"""Columns of text below which the address goes under the host and the software is left out."""
TINY = 100
"""Columns of text below which certificate and time are left out too: the other formats have all."""
MAX_TEXT = 120
"""Characters of a finding that the table shows; the other formats show all."""
_SEVERITIES = ("critical", "warning", "notice")


def build_table(records: Iterable[Record], width: int) -> Table:
    """Return the table of all records, sorted by host, address and port, for `width` columns of text."""
    is_narrow = width < NARROW
    is_tiny = width < TINY
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", collapse_padding=True)
    table.add_column("host", overflow="fold", min_width=16)
    if not is_narrow:
        table.add_column("address", overflow="fold")
    table.add_column("port", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("TLS", no_wrap=True)
    if not is_tiny:
        table.add_column("cert", justify="right", no_wrap=True)
        table.add_column("time", justify="right", no_wrap=True)
    if not is_narrow:
        table.add_column("software", overflow="fold")
    table.add_column("what we saw", overflow="fold", ratio=1)
    previous: tuple[str, str | None] | None = None
    for record in sorted(records, key=_order):
        here = (record["host"], record["address"])
        cells = _cells(record, is_repeated=here == previous, is_narrow=is_narrow)
        if is_tiny:
            del cells[4:6]
        table.add_row(*cells)
        previous = here
    return table


def build_summary(records: Sequence[Record]) -> Text:
    """Return one line of totals."""
    states = Counter(record["state"] for record in records)
    verdicts = Counter(verdict["severity"] for record in records for verdict in record["verdicts"])
    text = Text(f"{len(records)} {'result' if len(records) == 1 else 'results'}: ")
    parts = [Text(f"{states[state]} {state}", _STYLE_OF_STATE[state]) for state in State if states[state]]
    parts += [
        Text(f"{verdicts[name]} {name}", _STYLE_OF_SEVERITY[name]) for name in _SEVERITIES if verdicts[name]
    ]
    return text + Text(", ").join(parts) if parts else Text("nothing to probe")


def _order(record: Record) -> tuple[str, str, int]:
    return (record["host"], record["address"] or "", record["port"] or 0)


def _cells(record: Record, *, is_repeated: bool, is_narrow: bool) -> list[Text]:
    host = Text("" if is_repeated else str(record["host"]))
    address = Text("" if is_repeated else str(record["address"] or ""), "dim")
    port = Text("-" if record["port"] is None else str(record["port"]))
    state = Text(record["state"], _STYLE_OF_STATE[State(record["state"])])
    seconds = record["duration"]
    time = Text(f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s", "dim")
    middle = [port, state, _tls(record), _certificate(record), time]
    if is_narrow:
        return [host if not address else Text("\n").join([host, address]), *middle, _news(record)]
    software = Text(record.get("software") or "", "dim")
    return [host, address, *middle, software, _news(record)]


def _tls(record: Record) -> Text:
    tls = record.get("tls")
    if tls is None:
        return Text("none" if record["state"] == State.OPEN else "", "red")
    version = str(tls["version"]).removeprefix("TLSv")
    return Text(version, "green" if version in ("1.2", "1.3") else "red")


def _certificate(record: Record) -> Text:
    certificate = record.get("certificate")
    if certificate is None:
        return Text("")
    if certificate["problems"]:
        return Text("bad", "red" if record["port"] != 25 else "dim")
    days = (datetime.fromisoformat(certificate["not_after"]) - datetime.now(UTC)).days
    return Text(f"{days} d", "green" if days > 21 else "yellow")


def _news(record: Record) -> Text:
    """Return the findings, worst first; the reason stands alone only where no verdict tells it better."""
    lines = []
    verdicts = sorted(record["verdicts"], key=lambda verdict: _SEVERITIES.index(verdict["severity"]))
    for verdict in verdicts:
        mark = f"{_MARK_OF_SEVERITY[verdict['severity']]} {_cut(verdict['summary'])}"
        lines.append(Text(mark, _STYLE_OF_SEVERITY[verdict["severity"]]))
    if record["reason"] is not None and not verdicts:
        mark = "!! " if weight_of(record) >= Severity.CRITICAL else "! "
        lines.append(Text(mark + str(record["reason"]).replace("_", " "), "yellow"))
        if record["detail"]:
            lines[-1].append(Text(f": {_cut(record['detail'])}", "dim"))
    return Text("\n").join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
