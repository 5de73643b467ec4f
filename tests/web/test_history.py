"""The routes about events and incidents: what is asked for, what comes back, what cannot be understood."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from scanner.model import Kind, Severity
from scanner.model.event import Event, EventKind
from scanner.model.incident import Cause, Incident
from scanner.store import EventQuery, StoreError
from tests.web.samples import NOW
from tests.web.service import FakeService

KEY = ("mx.example.org", "192.0.2.7", 25, "smtp", "starttls")
TOLD = Event(
    NOW,
    EventKind.VERDICT_RAISED,
    "mx.example.org [192.0.2.7]:25",
    Severity.CRITICAL,
    'It said "<script>\\x1b[31m" & more.',
    key=KEY,
    name="starttls_masked",
    advice="Mend it.",
    before={"state": "open"},
    after={"banner": "220 ünïcode"},
    id=7,
)
INCIDENT = Incident(
    Cause.HOST_DOWN,
    "mx.example.org",
    "host_down",
    Kind.BLOCKED,
    Severity.CRITICAL,
    NOW,
    (KEY,),
    ("example.org",),
    "It is down.",
    "Look at it.",
)


async def ask(site: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with site.get(path) as answer:
        is_fine = answer.status == 200
        assert answer.headers["Content-Type"] == f"application/{'json' if is_fine else 'problem+json'}"
        return answer.status, json.loads(await answer.read())


async def test_events_come_with_a_cursor(site: aiohttp.ClientSession, service: FakeService) -> None:
    service.told = (TOLD, replace(TOLD, id=9, key=None))
    status, found = await ask(site, "/api/v1/events")
    assert status == 200
    assert found["next"] == 9
    first, second = found["events"]
    assert (first["id"], first["severity"], first["kind"]) == (7, "critical", "verdict_raised")
    assert first["summary"] == TOLD.summary
    assert first["after"] == {"banner": "220 ünïcode"}
    assert first["endpoint"] == dict(
        zip(("host", "address", "port", "protocol", "tls_mode"), KEY, strict=True)
    )
    assert second["endpoint"] is None
    assert service.queries == [EventQuery()]


async def test_nothing_new_leaves_the_cursor_where_it_is(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    del service
    assert await ask(site, "/api/v1/events?after=41") == (200, {"events": [], "next": 41})
    assert await ask(site, "/api/v1/events") == (200, {"events": [], "next": None})


async def test_what_is_asked_for_reaches_the_service(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    path = "/api/v1/events?since=2h&after=7&severity=warning&host=MX.example.org&limit=5"
    await ask(site, f"{path}&kind=verdict_raised,verdict_resolved&kind=state_changed")
    assert service.queries == [
        EventQuery(
            since=NOW - timedelta(hours=2),
            after_id=7,
            severity=Severity.WARNING,
            host="mx.example.org",
            limit=5,
            kinds=frozenset({EventKind.VERDICT_RAISED, EventKind.VERDICT_RESOLVED, EventKind.STATE_CHANGED}),
        )
    ]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("since=yesterday", 'since: must be how long ago, as "2h", or a time'),
        ("after=-1", "after: must be a whole number from 0"),
        ("after=1&after=2", 'after: must be a whole number from 0 to 9223372036854775807 (got "1,2")'),
        ("severity=bad", "severity: must be notice, warning or critical"),
        ("kind=", "kind: must be of state_changed"),
        ("host=%0a", "host: "),
        ("limit=1000000", "limit: must be a whole number from 1 to 10000"),
        ("sinse=2h", '"sinse": unknown; known are since'),
        ("limit=%F0%9F%98%80", "limit: "),
    ],
)
async def test_what_cannot_be_understood_is_a_400_that_says_why(
    site: aiohttp.ClientSession, service: FakeService, parameters: str, said: str
) -> None:
    status, found = await ask(site, f"/api/v1/events?{parameters}")
    assert status == 400
    assert found["detail"].startswith(said)
    assert service.queries == []


async def test_a_store_that_fails_is_a_503(site: aiohttp.ClientSession, service: FakeService) -> None:
    service.store_fault = StoreError("/var/lib/mailport.db: the disk is full; free some space")
    status, found = await ask(site, "/api/v1/events")
    assert status == 503
    assert "/var/lib" not in found["detail"]


async def test_open_incidents_are_listed(site: aiohttp.ClientSession, service: FakeService) -> None:
    assert await ask(site, "/api/v1/incidents") == (200, {"incidents": []})
    service.open_incidents = (INCIDENT,)
    _, found = await ask(site, "/api/v1/incidents")
    (incident,) = found["incidents"]
    assert incident["id"] == "host_down host_down mx.example.org"
    assert (incident["cause"], incident["severity"]) == ("host_down", "critical")
    assert [each["port"] for each in incident["endpoints"]] == [25]
    assert incident["domains"] == ["example.org"]
