"""The past: what outlived the process before, and how open incidents and our own network's faults do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import structlog
from pydantic import TypeAdapter, ValidationError

from scanner.model import Observation
from scanner.model.control import Word
from scanner.model.event import Event, EventKind
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.store import Known

log = structlog.get_logger(__name__)

MOST_NAMED = 1000
"""Endpoints and domains that are kept of one incident: they are worked out anew by the first pass."""
ACCOUNT_MARK = "account:"
_INCIDENT = TypeAdapter(Incident)


@dataclass(frozen=True, slots=True)
class Past:
    """What was known when the process before this one ended."""

    memories: Mapping[Key, str] = field(default_factory=dict)
    latest: Mapping[Key, Observation] = field(default_factory=dict)
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    """Those that were open, by their id."""
    egress: Mapping[str, Word] = field(default_factory=dict)
    """The gates that our own network was told to be in the way at, by what they are called."""
    accounts: Mapping[str, str] = field(default_factory=dict)
    """How the accounts stood, as texts by names of their own."""


def read_past(known: Known, scope: str) -> Past:
    """Return the past as a store knows it; `scope` is the vantage, with the shard where there are several."""
    incidents = _read_incidents(known.meta, scope)
    accounts = {name: text for name, text in known.meta.items() if name.startswith(ACCOUNT_MARK)}
    return Past(known.memories, known.latest, incidents, _read_egress(known.meta, scope), accounts)


def incident_marks(changed: Mapping[str, Incident | None], scope: str) -> dict[str, str | None]:
    """Return what has to be written of incidents that began, changed or, being None, ended."""
    prefix = _incident_mark(scope)
    return {prefix + id_: None if each is None else _write(each) for id_, each in changed.items()}


def find_changed(former: Mapping[str, Incident], current: Iterable[Incident]) -> dict[str, Incident | None]:
    """Return the incidents that are not what they were; None for those that are over."""
    changed: dict[str, Incident | None] = dict.fromkeys(former)
    for incident in current:
        if former.get(incident.id) == incident:
            del changed[incident.id]
        else:
            changed[incident.id] = incident
    return changed


def account_mark(vantage: str, account: str, activity: str) -> str:
    """Return under what name it is kept how an account stands."""
    return f"{ACCOUNT_MARK}{vantage}:{account}:{activity}"


def _read_incidents(marks: Mapping[str, str], scope: str) -> dict[str, Incident]:
    found = {}
    prefix = _incident_mark(scope)
    for name, text in marks.items():
        if name.startswith(prefix):
            try:
                incident = _INCIDENT.validate_json(text)
            except ValidationError:
                log.error("incident_unreadable", incident=name.removeprefix(prefix))
            else:
                found[incident.id] = incident
    return found


def egress_marks(events: Iterable[Event], scope: str) -> dict[str, str | None]:
    """Return what has to be written so that the store knows what was told last of our own network."""
    marks: dict[str, str | None] = {}
    for event in events:
        if event.kind is EventKind.EGRESS_CHANGED:
            word = event.after.get("standing")
            is_over = word in {Word.FINE, Word.UNTOLD}
            marks[_egress_mark(scope) + event.subject] = None if is_over else str(word)
    return marks


def _read_egress(marks: Mapping[str, str], scope: str) -> dict[str, Word]:
    prefix = _egress_mark(scope)
    words = {word.value: word for word in Word}
    return {
        name.removeprefix(prefix): words[text]
        for name, text in marks.items()
        if name.startswith(prefix) and text in words
    }


def _incident_mark(scope: str) -> str:
    return f"incident:{scope}:"


def _egress_mark(scope: str) -> str:
    return f"egress:{scope}:"


def _write(incident: Incident) -> str:
    keys, domains = incident.keys[:MOST_NAMED], incident.domains[:MOST_NAMED]
    short = replace(incident, keys=keys, domains=domains, fading=frozenset())
    return _INCIDENT.dump_json(short).decode()
