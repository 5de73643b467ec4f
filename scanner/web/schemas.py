"""The models of the OpenAPI document: what the API answers, each under a name."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from scanner.model import Kind, Protocol, Service, State, TlsMode
from scanner.model.event import EventKind
from scanner.model.record import schema
from scanner.web.problems import MEDIA_TYPE

Schema: TypeAlias = dict[str, Any]
Responses: TypeAlias = dict[int | str, dict[str, Any]]

_PREFIX = "#/components/schemas/"
_SEVERITIES = ["notice", "warning", "critical"]
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer", "minimum": 0}
_LEVEL: Schema = {"type": "integer", "minimum": 0, "maximum": 5}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_FREE: Schema = {"type": "object"}


def ref(name: str) -> Schema:
    """Return a reference to a model."""
    return {"$ref": f"{_PREFIX}{name}"}


def described(name: str, text: str, *, media_type: str = "application/json") -> Responses:
    """Return the answers of a route that gives a model with its ETag."""
    return {
        200: {"description": text, "content": {media_type: {"schema": ref(name)}}, "headers": _TAG},
        304: {"description": "The client has it: its If-None-Match names this ETag"},
    }


def refused(status: int, text: str) -> Responses:
    """Return an answer that tells of a problem."""
    return {status: {"description": text, "content": {MEDIA_TYPE: {"schema": ref("Problem")}}}}


NOT_FOUND = refused(404, "Nothing of this name is watched")
UNAVAILABLE = refused(503, "The store does not answer; the log says why")
_TAG = {"ETag": {"description": "names this answer", "schema": _TEXT}}


def models() -> Mapping[str, Schema]:
    """Return all models by name."""
    return {
        "Problem": _problem(),
        "Record": _record(),
        "Endpoint": _object(id=_TEXT, observation=ref("Record")),
        "EndpointPage": _page("endpoints", ref("Endpoint")),
        "History": _object(id=_TEXT, observations=_list(ref("Record")), next=_or_null(_MOMENT)),
        "Condition": _condition(),
        "Domain": _domain(findings=ref("Record"), members=_list(_member()), **_PUBLISHED),
        "DomainSummary": _domain(findings=_object(state=_enum(State), reason=_or_null(_TEXT), host=_TEXT)),
        "DomainPage": _page("domains", ref("DomainSummary")),
        "Event": _event(),
        "EventPage": _object(events=_list(ref("Event")), next=_or_null(_NUMBER)),
        "Incident": _incident(),
        "IncidentList": _object(incidents=_list(ref("Incident"))),
        "Probed": _object(
            id=_TEXT, is_counted={"type": "boolean"}, observation=ref("Record"), dialogue=_list(_line())
        ),
        "ServiceDiscovery": _list(
            _object(targets=_list(_TEXT), labels={"type": "object", "additionalProperties": _TEXT})
        ),
        "Shard": _object(shard=_NUMBER, shards=_NUMBER, addresses=_list(_TEXT)),
        "JsonSchema": _FREE,
    }


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "null"}]}


def _enum(values: Any) -> Schema:  # noqa: ANN401 - an enumeration, or a list
    return {"type": "string", "enum": [str(value) for value in values]}


def _page(name: str, item: Schema) -> Schema:
    return _object(**{name: _list(item)}, total=_NUMBER, next=_or_null(_TEXT))


def _record() -> Schema:
    """Return the schema of a record with its references turned to where it stands in the document."""
    document = {key: value for key, value in schema().items() if key not in ("$schema", "$id")}
    turned: Schema = _turn(document)
    return turned


def _turn(part: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    if isinstance(part, dict):
        return {
            key: value.replace("#/", f"{_PREFIX}Record/", 1) if key == "$ref" else _turn(value)
            for key, value in part.items()
        }
    return [_turn(each) for each in part] if isinstance(part, list) else part


def _problem() -> Schema:
    found = _object(
        type=_TEXT, title=_TEXT, status={"type": "integer", "minimum": 400, "maximum": 599}, detail=_TEXT
    )
    where = _object(where=_TEXT, detail=_TEXT)
    return found | {"properties": found["properties"] | {"errors": _list(where)}}


def _key(**more: Schema) -> Schema:
    return _object(
        host=_TEXT,
        address=_TEXT,
        port={"type": "integer", "minimum": 1, "maximum": 65535},
        protocol=_enum(Protocol),
        tls_mode=_enum(TlsMode),
        **more,
    )


def _condition() -> Schema:
    verdict = _object(id=_TEXT, kind=_enum(Kind), severity=_enum(_SEVERITIES))
    return _key(
        id=_TEXT,
        domains=_list(_TEXT),
        domains_total=_NUMBER,
        state=_enum(State),
        reason=_or_null(_TEXT),
        level=_LEVEL,
        started_at=_MOMENT,
        verdicts=_list(verdict),
    )


def _domain(*, findings: Schema, **more: Schema) -> Schema:
    service = _object(
        up=_or_null({"type": "boolean"}),
        level=_or_null(_LEVEL),
        endpoints=_NUMBER,
        probed=_NUMBER,
        refused={"type": "boolean"},
    )
    services = {service_name.value: service for service_name in Service}
    return _object(
        domain=_TEXT,
        is_domain={"type": "boolean"},
        is_found={"type": "boolean"},
        services={"type": "object", "properties": services, "additionalProperties": False},
        recommended=_or_null({"type": "boolean"}),
        severity=_or_null(_enum(_SEVERITIES)),
        endpoints=_NUMBER,
        mta_sts=_or_null(_TEXT),
        dane=_or_null({"type": "boolean"}),
        findings=_list(findings),
        **more,
    )


_PUBLISHED: dict[str, Schema] = {
    "refused": _list(_enum(Service)),
    "lost": _list(_enum(Service)),
    "policy": _or_null(_object(mode=_TEXT, mx=_list(_TEXT), max_age=_NUMBER)),
}


def _member() -> Schema:
    return _object(
        service=_enum(Service),
        source=_TEXT,
        up=_or_null({"type": "boolean"}),
        level=_or_null(_LEVEL),
        endpoint=_or_null(ref("Condition")),
    )


def _event() -> Schema:
    found = _object(
        at=_MOMENT,
        kind=_enum(EventKind),
        severity=_enum(_SEVERITIES),
        ended=_or_null(_enum(_SEVERITIES)),
        subject=_TEXT,
        name=_or_null(_TEXT),
        summary=_TEXT,
        advice=_or_null(_TEXT),
        endpoint=_or_null(_key()),
        before=_FREE,
        after=_FREE,
        vantage=_TEXT,
    )
    return found | {"properties": {"id": _NUMBER} | found["properties"]}


def _incident() -> Schema:
    return _object(
        id=_TEXT,
        cause=_TEXT,
        name=_TEXT,
        kind=_enum(Kind),
        severity=_enum(_SEVERITIES),
        subject=_TEXT,
        since=_MOMENT,
        summary=_TEXT,
        advice=_or_null(_TEXT),
        endpoints=_list(_key()),
        domains=_list(_TEXT),
    )


def _line() -> Schema:
    return _object(
        at={"type": "number", "minimum": 0}, speaker=_enum(["client", "server", "note"]), text=_TEXT
    )
