"""Events and incidents as JSON, in the names that scripts rely on, wherever they are handed out."""

from datetime import UTC, datetime

from scanner.model.event import Event
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.model.record import Record


def event_record(event: Event) -> Record:
    """Return the record of an event; dates are RFC 3339 in UTC. One that is not stored has no `id`."""
    record: Record = {} if event.id is None else {"id": event.id}
    return record | {
        "uid": event.uid,
        "at": write_moment(event.at),
        "kind": event.kind.value,
        "severity": event.severity.label,
        "ended": None if event.ended is None else event.ended.label,
        "subject": event.subject,
        "name": event.name,
        "summary": event.summary,
        "advice": event.advice,
        "endpoint": None if event.key is None else _endpoint(event.key),
        "before": dict(event.before),
        "after": dict(event.after),
        "vantage": event.vantage,
        "vantages": list(event.vantages),
        "compared_with": list(event.compared_with),
    }


def incident_record(incident: Incident) -> Record:
    """Return the record of an incident that is open."""
    return {
        "id": incident.id,
        "cause": incident.cause.value,
        "name": incident.name,
        "kind": incident.kind.value,
        "severity": incident.severity.label,
        "subject": incident.subject,
        "since": write_moment(incident.since),
        "summary": incident.summary,
        "advice": incident.advice,
        "endpoints": [_endpoint(key) for key in incident.keys],
        "domains": list(incident.domains),
        "vantage": incident.vantage,
        "vantages": list(incident.vantages),
        "compared_with": list(incident.compared_with),
    }


def write_moment(moment: datetime) -> str:
    """Write a moment to the millisecond, as records do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _endpoint(key: Key) -> Record:
    host, address, port, protocol, tls_mode = key
    return {
        "host": host,
        "address": address,
        "port": port,
        "protocol": str(protocol),
        "tls_mode": str(tls_mode),
    }
