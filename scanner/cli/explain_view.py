"""Shows explanations: for people in prose, for programs as JSON."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from scanner.cli.cells import GOOD, QUIET
from scanner.cli.prose import indent, numbered, pairs
from scanner.explain import Cause, Explanation, Match, PortFacts, Reading
from scanner.model import PORTS, TlsMode
from scanner.model.record import Record

WAYS = {
    TlsMode.IMPLICIT.value: "TLS from the first byte (SSL/TLS)",
    TlsMode.STARTTLS.value: "plain text first, then STARTTLS",
    "none": "none",
}


def build_port(facts: PortFacts) -> Iterator[RenderableType]:
    """Yield what a port is for."""
    row = PORTS.get(facts.port)
    standing = row.standing.value if row is not None else "not one of the seven mail ports"
    worth = (f"  {standing}", _style(standing))
    yield Text.assemble((f"Port {facts.port}", "bold"), f"  {facts.name}", worth)
    yield Text("")
    rows: list[tuple[str, RenderableType]] = [
        ("What for", Text(facts.purpose)),
        ("Who uses it", Text(facts.users)),
        ("Encryption", Text(WAYS[_tls_of(facts)])),
        ("Security", Text(facts.security)),
        *([("Risk", Text(facts.risk, "yellow"))] if facts.risk is not None else []),
        ("Advice", Text(facts.advice, "bold")),
    ]
    yield indent(pairs(rows))
    if row is not None:
        yield Text("")
        yield Text(f"  See how a server does here: mailport scan HOST:{facts.port}", QUIET)


def port_to_json(facts: PortFacts) -> Record:
    """Return what is known of a port as plain values."""
    row = PORTS.get(facts.port)
    return {
        "kind": "port",
        "port": facts.port,
        "known": True,
        "name": facts.name,
        "protocol": facts.protocol if row is None else row.protocol.value,
        "tls_mode": _tls_of(facts),
        "role": None if row is None else row.role.value,
        "standing": None if row is None else row.standing.value,
        "purpose": facts.purpose,
        "users": facts.users,
        "security": facts.security,
        "risk": facts.risk,
        "advice": facts.advice,
    }


def build_reading(reading: Reading) -> Iterator[RenderableType]:
    """Yield what a text means."""
    if reading.best is not None:
        yield from _build_match(reading.best)
        for match in reading.others:
            yield Text("")
            yield Text("Also in this text", QUIET)
            yield from _build_match(match)
    if reading.codes:
        yield Text("")
        yield Text("The codes by themselves", QUIET)
        yield indent(pairs((code.text, Text(code.meaning)) for code in reading.codes))
    if reading.is_cut:
        yield Text("")
        yield Text("The text was longer than is read of it; what stands behind was left out.", QUIET)


def reading_to_json(reading: Reading) -> Record:
    """Return what a text means as plain values."""
    return {
        "kind": "text",
        "known": reading.is_known,
        "text": reading.text,
        "is_cut": reading.is_cut,
        "explanation": None if reading.best is None else _match_to_json(reading.best),
        "others": [_match_to_json(match) for match in reading.others],
        "codes": [{"code": code.text, "meaning": code.meaning} for code in reading.codes],
    }


def _build_match(match: Match) -> Iterator[RenderableType]:
    entry = match.explanation
    yield Text.assemble((entry.title, "bold"), (f"  {entry.id}", QUIET))
    yield indent(Text(f'by the words "{match.evidence}"', QUIET))
    yield Text("")
    yield indent(Text(entry.means))
    yield Text("")
    yield Text("Likely causes, the likeliest first", QUIET)
    yield from numbered(_build_cause(cause) for cause in entry.causes)
    if entry.reference is not None:
        yield indent(Text(f"See {entry.reference}.", QUIET))


def _build_cause(cause: Cause) -> Iterator[RenderableType]:
    yield Text(cause.cause)
    yield pairs((("tell it by", Text(cause.tell)), ("mend it", Text(cause.mend, GOOD))))


def _match_to_json(match: Match) -> Record:
    entry: Explanation = match.explanation
    return {
        "id": entry.id,
        "title": entry.title,
        "evidence": match.evidence,
        "complaint": None if entry.complaint is None else entry.complaint.value,
        "means": entry.means,
        "causes": [cause.model_dump() for cause in entry.causes],
        "reference": entry.reference,
    }


def _tls_of(facts: PortFacts) -> str:
    """Return how TLS begins on a port, by the port table where it has the port."""
    row = PORTS.get(facts.port)
    return row.tls_mode.value if row is not None else facts.tls or "none"


def _style(standing: str) -> str:
    return GOOD if standing in {"secure", "recommended"} else "yellow"
