"""Shows baselines: for people a table an endpoint, for programs JSON."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scanner.cli.cells import MARK_OF_SEVERITY, QUIET, STYLE_OF_SEVERITY
from scanner.cli.foresight import Change, Foreseen, View
from scanner.model import State
from scanner.model.memory import Memory, Trait
from scanner.model.record import Record
from scanner.verdict.past import say_moment
from scanner.verdict.trait_words import tell_title, tell_value

WHEN = "a running mailport takes it within 10 seconds, otherwise mailport serve does at its next start"
_LEARNING = "being learnt"
_PAST = {"accept": "accepted", "reset": "reset", "pin": "pinned", "unpin": "unpinned"}


def build_views(views: Sequence[View]) -> RenderableType:
    """Return all endpoints for people."""
    parts: list[RenderableType] = []
    for view in views:
        if parts:
            parts.append(Text(""))
        parts += _build_view(view)
    return Group(*parts)


def tell_change(change: Change) -> str:
    """Write a change for people."""
    if change.before is None:
        return f"{change.what}: {change.after} (was not known)"
    if change.after is None:
        return f"{change.what}: {change.before} → forgotten, learnt anew"
    return f"{change.what}: {change.before} → {change.after}"


def to_json(view: View) -> Record:
    """Return one endpoint as plain values; dates are RFC 3339 in UTC."""
    host, address, port, protocol, tls_mode = view.key
    memory, latest = view.memory or Memory(), view.kept.latest
    return {
        "host": host,
        "address": address,
        "port": port,
        "protocol": protocol,
        "tls_mode": tls_mode,
        "domains": list(view.kept.domains),
        "is_readable": view.memory is not None,
        "state": memory.state.value if memory.state else None,
        "state_since": _date(memory.state_since),
        "first_seen": _date(memory.first_seen),
        "last_seen": _date(memory.last_seen),
        "last_probe": None
        if latest is None
        else {"at": _date(latest.started_at), "state": latest.state.value, "reason": latest.reason},
        "has_baseline": memory.has_baseline,
        "pinned": memory.is_pinned,
        "baseline": [_trait_record(name, trait) for name, trait in memory.traits.items()],
        "standing": [
            {
                "id": each.verdict.id,
                "kind": each.verdict.kind.value,
                "severity": each.verdict.severity.label,
                "summary": each.verdict.summary,
                "advice": each.verdict.advice,
                "since": _date(each.since),
                "last_seen": _date(each.seen_at),
            }
            for each in memory.standing.values()
        ],
        "waiting": [_order_record(each) for each in view.waiting],
    }


def _trait_record(name: str, trait: Trait) -> Record:
    rival = None
    if trait.rival is not None:
        rival = {
            "value": tell_value(name, trait.rival),
            "times": trait.rival_count,
            "since": _date(trait.rival_since),
        }
    return {
        "trait": name,
        "title": tell_title(name),
        "value": None if trait.value is None else tell_value(name, trait.value),
        "since": _date(trait.since),
        "last_seen": _date(trait.seen_at),
        "in_its_place": rival,
    }


def _order_record(each: Foreseen) -> Record:
    return {
        "order": each.order.id,
        "action": each.order.action,
        "at": _date(each.order.at),
        "changes": [
            {"what": change.what, "before": change.before, "after": change.after} for change in each.changes
        ],
    }


def _date(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _build_view(view: View) -> Iterator[RenderableType]:
    _, _, _, protocol, tls_mode = view.key
    tls = "STARTTLS" if tls_mode == "starttls" else "TLS from the first byte"
    yield Text.assemble((view.name, "bold"), (f"  {protocol.upper()}, {tls}", QUIET))
    if view.memory is None:
        yield Text("  its memory cannot be read; mailport serve starts it anew with the next probe", "red")
    else:
        yield from (Padding(line, (0, 0, 0, 2)) for line in _describe(view, view.memory))
    for each in view.waiting:
        yield from (Padding(line, (0, 0, 0, 2)) for line in _tell_order(each))


def _describe(view: View, memory: Memory) -> Iterator[RenderableType]:
    yield Text("; ".join(_tell_state(view, memory)), QUIET)
    if memory.is_pinned:
        yield Text("pinned: nothing is learnt and nothing ages until it is unpinned", "yellow")
    if memory.traits:
        yield _build_traits(memory)
    else:
        yield Text("no baseline: nothing is known yet", "yellow")
    for each in sorted(memory.standing.values(), key=lambda one: -one.verdict.severity):
        severity = each.verdict.severity
        line = Text(f"{MARK_OF_SEVERITY[severity]} {each.verdict.summary}", STYLE_OF_SEVERITY[severity])
        yield line.append(f"  {each.verdict.id}, stands since {say_moment(each.since)}", QUIET)


def _tell_state(view: View, memory: Memory) -> Iterator[str]:
    if memory.state is not None and memory.state_since is not None:
        yield f"{memory.state.value} since {say_moment(memory.state_since)}"
    latest = view.kept.latest
    if latest is not None:
        state = "" if latest.state is memory.state else f": {latest.state.value}"
        reason = f" ({latest.reason})" if latest.reason is not None and latest.state is State.UNKNOWN else ""
        yield f"last probe {say_moment(latest.started_at)}{state}{reason}"
    if memory.first_seen is not None:
        yield f"watched since {say_moment(memory.first_seen)}"


def _build_traits(memory: Memory) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("trait", "baseline", "since", "last seen", "in its place lately"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"since", "last seen"})
    for name, trait in memory.traits.items():
        is_known = trait.value is not None
        value = Text(tell_value(name, trait.value)) if trait.value is not None else Text(_LEARNING, QUIET)
        table.add_row(
            tell_title(name),
            value,
            Text(_short(trait.since) if is_known else "", QUIET),
            Text(_short(trait.seen_at) if is_known else "", QUIET),
            _tell_rival(name, trait),
        )
    return table


def _tell_rival(name: str, trait: Trait) -> Text:
    if trait.rival is None or trait.rival_since is None:
        return Text("")
    times = "once" if trait.rival_count == 1 else f"{trait.rival_count} times"
    text = f"{tell_value(name, trait.rival)}, {times} since {_short(trait.rival_since)}"
    return Text(text, "yellow" if trait.value is not None else QUIET)


def _tell_order(each: Foreseen) -> Iterator[RenderableType]:
    done = _PAST.get(each.order.action, each.order.action)
    yield Text(f"{done} at {say_moment(each.order.at)}, waits for mailport serve:", "cyan")
    lines = [tell_change(change) for change in each.changes] or ["nothing changes by it"]
    yield from (Padding(Text(line), (0, 0, 0, 2)) for line in lines)


def _short(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
