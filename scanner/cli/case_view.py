"""Shows comparisons and diagnoses: for people in prose, for programs as JSON."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from scanner.cli.cells import GOOD, QUIET
from scanner.cli.prose import indent, numbered, pairs
from scanner.explain import Complaint, Reading
from scanner.explain.compare import MODE_WORDS, Comparison, Gap
from scanner.explain.suspicion import Case, Standing, Suspect
from scanner.explain.words import MODE_NAMES, name_place, tell_state
from scanner.model.record import Record

_TITLES = {
    Complaint.TIMEOUT: "The connection fails",
    Complaint.AUTHENTICATION: "The sign-in fails",
    Complaint.SYNC: "Mail does not sync",
}
_STYLES = {Standing.LIKELY: "bold red", Standing.POSSIBLE: "yellow", Standing.UNLIKELY: QUIET}


def build_comparison(comparison: Comparison, notes: Sequence[str]) -> Iterator[RenderableType]:
    """Yield what differs, and what to enter instead."""
    settings = comparison.settings
    place = name_place(settings.host, settings.port)
    whose = f"  for {comparison.domain}" if comparison.domain is not None else ""
    yield Text.assemble((f"{place}, {MODE_WORDS[settings.mode]}", "bold"), (whose, QUIET))
    yield from (indent(Text(note, "yellow")) for note in notes)
    yield Text("")
    if comparison.gap is not None:
        yield from _tell_gap(comparison.gap, settings.host)
    for each in comparison.differences:
        yield indent(Text.assemble((f"{each.field} differs", "bold yellow"), (f"  {each.id}", QUIET)))
        rows: list[tuple[str, RenderableType]] = [("yours", Text(each.yours))]
        if each.wanted is not None:
            rows.append(("use", Text(each.wanted, GOOD)))
        rows.append(("because", Text(each.why)))
        yield indent(pairs(rows), 4)
        yield Text("")
    if not comparison.differences and comparison.gap is None:
        yield indent(Text(_tell_agreement(comparison), GOOD if comparison.is_measured else "yellow"))
        yield Text("")
    for seen in comparison.here:
        yield indent(Text(f"measured: {seen.endpoint.address}: {tell_state(seen)}", QUIET))
    way = comparison.way
    if way is not None and comparison.differences:
        yield indent(Text(f"recommended: {name_place(way.host, way.port)}, {MODE_NAMES[way.tls_mode]}", GOOD))
    elif way is None:
        yield indent(Text("nothing was measured that could be recommended instead", QUIET))


def _tell_gap(gap: Gap, host: str) -> Iterator[RenderableType]:
    """Yield that the host is neither right nor wrong by what is known."""
    if gap.is_of_names:
        said = f"the name {host} could not be looked up, so nothing can be compared with what is there"
    else:
        said = f"{host} was not probed, so nothing can be compared with what is there"
    yield indent(Text(said, "bold yellow"))
    rows: list[tuple[str, RenderableType]] = [("because", Text(gap.why))]
    if gap.advice is not None:
        rows.append(("mend it", Text(gap.advice)))
    yield indent(pairs(rows), 4)
    yield Text("")


def _tell_agreement(comparison: Comparison) -> str:
    if comparison.is_measured:
        return "host, port and encryption fit what was measured"
    return "nothing differs from what is usual; the port was not measured: no way to it, or left alone"


def comparison_to_json(comparison: Comparison) -> Record:
    """Return a comparison as plain values."""
    settings, way = comparison.settings, comparison.way
    return {
        "kind": "config",
        "domain": comparison.domain,
        "settings": {
            "host": settings.host,
            "port": settings.port,
            "mode": settings.mode.value,
            "protocol": settings.protocol.value,
        },
        # Of a host that nothing is known of neither can be said.
        "agrees": None if comparison.gap and not comparison.differences else not comparison.differences,
        "measured": comparison.is_measured,
        "not_compared": None if comparison.gap is None else comparison.gap.why,
        "differences": [
            {"id": each.id, "field": each.field, "yours": each.yours, "wanted": each.wanted, "why": each.why}
            for each in comparison.differences
        ],
        "use": None
        if way is None
        else {"host": way.host, "port": way.port, "tls_mode": way.tls_mode.value, "source": way.source.value},
    }


def build_diagnosis(
    domain: str | None, reading: Reading, suspects: Sequence[Suspect], case: Case, notes: Sequence[str]
) -> Iterator[RenderableType]:
    """Yield what is behind a complaint, the likeliest cause first."""
    entry = None if reading.best is None else reading.best.explanation
    title = "" if entry is None or entry.complaint is None else _TITLES[entry.complaint]
    means = "" if entry is None else f"{entry.title}. {entry.means}"
    yield Text.assemble((title, "bold"), (f"  at {domain}" if domain is not None else "", QUIET))
    yield from (indent(Text(note, "yellow")) for note in notes)
    yield Text("")
    yield indent(Text(means))
    yield Text("")
    count = len(case.seen)
    yield Text(f"Causes, by {count} {'probe' if count == 1 else 'probes'} from this machine", QUIET)
    yield from numbered(_build_suspect(suspect) for suspect in suspects)


def _build_suspect(suspect: Suspect) -> Iterator[RenderableType]:
    standing = suspect.standing
    yield Text.assemble(suspect.title, (f"  {standing.value}", _STYLES[standing]), (f"  {suspect.id}", QUIET))
    rows: list[tuple[str, RenderableType]] = [("for", Text(text)) for text in suspect.pro]
    rows += [("against", Text(text)) for text in suspect.contra]
    if standing is not Standing.UNLIKELY:
        rows.append(("mend it", Text(suspect.mend, GOOD)))
    if rows:
        yield pairs(rows)


def diagnosis_to_json(
    domain: str | None, complaint: Complaint | None, suspects: Sequence[Suspect], case: Case
) -> Record:
    """Return a diagnosis as plain values."""
    return {
        "kind": "diagnosis",
        "domain": domain,
        "complaint": None if complaint is None else complaint.value,
        "probes": len(case.seen),
        "causes": [
            {
                "id": suspect.id,
                "title": suspect.title,
                "standing": suspect.standing.value,
                "for": list(suspect.pro),
                "against": list(suspect.contra),
                "mend": suspect.mend,
            }
            for suspect in suspects
        ],
        "config": None if case.comparison is None else comparison_to_json(case.comparison),
    }
