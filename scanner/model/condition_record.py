"""The condition of an endpoint as JSON: the short form of a record, for lists and streams."""

from scanner.model.endpoint_id import write_id
from scanner.model.event_record import write_moment
from scanner.model.observation import Key, Observation
from scanner.model.record import MOST_DOMAINS, Record


def condition_record(seen: Observation) -> Record:
    """Return what matters most of an endpoint; of many domains the first few, and how many there are."""
    endpoint = seen.endpoint
    return {
        "id": write_id(endpoint.key),
        "host": endpoint.host,
        "address": endpoint.address,
        "port": endpoint.port,
        "protocol": endpoint.protocol.value,
        "tls_mode": endpoint.tls_mode.value,
        "domains": list(endpoint.domains[:MOST_DOMAINS]),
        "domains_total": len(endpoint.domains),
        "state": seen.state.value,
        "reason": seen.reason.value if seen.reason else None,
        "level": seen.level,
        "started_at": write_moment(seen.started_at),
        "verdicts": [
            {"id": verdict.id, "kind": verdict.kind.value, "severity": verdict.severity.label}
            for verdict in seen.counting
        ],
    }


def departure_record(key: Key) -> Record:
    """Return what tells that an endpoint is watched no more."""
    return {"id": write_id(key), "host": key[0], "address": key[1], "port": key[2]}
