"""The models of the OpenAPI document: what the API answers, each under a name."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from scanner.model import Kind, Protocol, Service, State, TlsMode
from scanner.model.event import EventKind
from scanner.model.record import schema
from scanner.web.account_schema import account, account_check
from scanner.web.advice_schema import advice
from scanner.web.problems import MEDIA_TYPE
from scanner.web.schema_words import (
    FREE,
    LEVEL,
    MOMENT,
    NUMBER,
    PREFIX,
    SEVERITIES,
    TEXT,
    Schema,
    list_of,
    object_of,
    one_of,
    or_null,
    ref,
)

Responses: TypeAlias = dict[int | str, dict[str, Any]]


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
_TAG = {"ETag": {"description": "names this answer", "schema": TEXT}}


def models() -> Mapping[str, Schema]:
    """Return all models by name."""
    return {
        "Problem": _problem(),
        "Record": _record(),
        "Endpoint": _endpoint(),
        "EndpointPage": _page("endpoints", ref("Endpoint")),
        "History": object_of(id=TEXT, observations=list_of(ref("Record")), next=or_null(MOMENT)),
        "Condition": _condition(),
        "AccountCheck": account_check(),
        "Account": account(recent=list_of(ref("AccountCheck"))),
        "AccountSummary": account(),
        "AccountPage": _page("accounts", ref("AccountSummary")),
        "Domain": _domain(
            findings=ref("Record"), members=list_of(_member()), advice=ref("Advice"), **_PUBLISHED
        ),
        "Advice": advice(),
        "DomainSummary": _domain(findings=object_of(state=one_of(State), reason=or_null(TEXT), host=TEXT)),
        "DomainPage": _page("domains", ref("DomainSummary")),
        "Event": _event(),
        "EventPage": object_of(events=list_of(ref("Event")), next=or_null(NUMBER)),
        "Incident": _incident(),
        "IncidentList": object_of(incidents=list_of(ref("Incident"))),
        "Probed": object_of(
            id=TEXT, is_counted={"type": "boolean"}, observation=ref("Record"), dialogue=list_of(_line())
        ),
        "AskedProbe": _asked_probe(),
        "AskedProbePage": object_of(probes=list_of(ref("AskedProbe")), next=or_null(NUMBER)),
        "ServiceDiscovery": list_of(
            object_of(targets=list_of(TEXT), labels={"type": "object", "additionalProperties": TEXT})
        ),
        "Shard": object_of(shard=NUMBER, shards=NUMBER, addresses=list_of(TEXT)),
        "JsonSchema": FREE,
    }


def _page(name: str, item: Schema) -> Schema:
    return object_of(**{name: list_of(item)}, total=NUMBER, next=or_null(TEXT))


def _record() -> Schema:
    """Return the schema of a record with its references turned to where it stands in the document."""
    document = {key: value for key, value in schema().items() if key not in ("$schema", "$id")}
    turned: Schema = _turn(document)
    return turned


def _turn(part: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    if isinstance(part, dict):
        return {
            key: value.replace("#/", f"{PREFIX}Record/", 1) if key == "$ref" else _turn(value)
            for key, value in part.items()
        }
    return [_turn(each) for each in part] if isinstance(part, list) else part


def _problem() -> Schema:
    found = object_of(
        type=TEXT, title=TEXT, status={"type": "integer", "minimum": 400, "maximum": 599}, detail=TEXT
    )
    where = object_of(where=TEXT, detail=TEXT)
    return found | {"properties": found["properties"] | {"errors": list_of(where)}}


def _key(**more: Schema) -> Schema:
    return object_of(
        host=TEXT,
        address=TEXT,
        port={"type": "integer", "minimum": 1, "maximum": 65535},
        protocol=one_of(Protocol),
        tls_mode=one_of(TlsMode),
        **more,
    )


def _endpoint() -> Schema:
    found = object_of(id=TEXT, observation=ref("Record"))
    return found | {"properties": found["properties"] | {"vantages": list_of(ref("Record"))}}


def _condition() -> Schema:
    verdict = object_of(id=TEXT, kind=one_of(Kind), severity=one_of(SEVERITIES))
    return _key(
        id=TEXT,
        domains=list_of(TEXT),
        domains_total=NUMBER,
        state=one_of(State),
        reason=or_null(TEXT),
        level=LEVEL,
        started_at=MOMENT,
        verdicts=list_of(verdict),
    )


def _domain(*, findings: Schema, **more: Schema) -> Schema:
    service = object_of(
        up=or_null({"type": "boolean"}),
        level=or_null(LEVEL),
        endpoints=NUMBER,
        probed=NUMBER,
        refused={"type": "boolean"},
    )
    services = {service_name.value: service for service_name in Service}
    return object_of(
        domain=TEXT,
        is_domain={"type": "boolean"},
        is_found={"type": "boolean"},
        services={"type": "object", "properties": services, "additionalProperties": False},
        recommended=or_null({"type": "boolean"}),
        severity=or_null(one_of(SEVERITIES)),
        endpoints=NUMBER,
        mta_sts=or_null(TEXT),
        dane=or_null({"type": "boolean"}),
        findings=list_of(findings),
        **more,
    )


_PUBLISHED: dict[str, Schema] = {
    "refused": list_of(one_of(Service)),
    "lost": list_of(one_of(Service)),
    "policy": or_null(object_of(mode=TEXT, mx=list_of(TEXT), max_age=NUMBER)),
}


def _member() -> Schema:
    return object_of(
        service=one_of(Service),
        source=TEXT,
        up=or_null({"type": "boolean"}),
        level=or_null(LEVEL),
        endpoint=or_null(ref("Condition")),
    )


def _asked_probe() -> Schema:
    state = {"state": one_of(State), "reason": or_null(TEXT)}
    return object_of(
        number=NUMBER,
        target=TEXT,
        at=MOMENT,
        success={"type": "boolean"},
        seconds={"type": "number", "minimum": 0},
        unfinished=NUMBER,
        endpoints=list_of(object_of(id=TEXT, level=LEVEL, **state)),
        findings=list_of(object_of(host=TEXT, **state)),
    )


def _event() -> Schema:
    found = object_of(
        uid=or_null({"type": "string", "format": "uuid"}),
        at=MOMENT,
        kind=one_of(EventKind),
        severity=one_of(SEVERITIES),
        ended=or_null(one_of(SEVERITIES)),
        subject=TEXT,
        name=or_null(TEXT),
        summary=TEXT,
        advice=or_null(TEXT),
        endpoint=or_null(_key()),
        before=FREE,
        after=FREE,
        vantage=TEXT,
        vantages=list_of(TEXT),
        compared_with=list_of(TEXT),
    )
    return found | {"properties": {"id": NUMBER} | found["properties"]}


def _incident() -> Schema:
    return object_of(
        id=TEXT,
        cause=TEXT,
        name=TEXT,
        kind=one_of(Kind),
        severity=one_of(SEVERITIES),
        subject=TEXT,
        since=MOMENT,
        summary=TEXT,
        advice=or_null(TEXT),
        endpoints=list_of(_key()),
        domains=list_of(TEXT),
        vantage=or_null(TEXT),
        vantages=list_of(TEXT),
        compared_with=list_of(TEXT),
    )


def _line() -> Schema:
    return object_of(
        at={"type": "number", "minimum": 0}, speaker=one_of(["client", "server", "note"]), text=TEXT
    )
