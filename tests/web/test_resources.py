"""The lists and single resources of the API: whole, paged, filtered, stable, and not sent twice."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import jsonschema
import pytest

from scanner.model import Kind, Observation, Severity, State, TargetFinding
from scanner.model.endpoint_id import write_id
from scanner.model.record import schema, to_record
from scanner.store import StoreError
from scanner.web.selection import provider_of
from tests.web.samples import FINDINGS, NOW, WORLD
from tests.web.service import FakeService

IDS = {write_id(seen.endpoint.key): seen for seen in WORLD}


async def ask(site: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, Any, Any]:
    async with site.get(f"/api/v1{path}", headers=headers) as answer:
        body = await answer.read()
        return answer.status, answer.headers, json.loads(body) if body else None


async def walk(site: aiohttp.ClientSession, name: str, **query: str) -> list[Any]:
    found: list[Any] = []
    after: dict[str, str] = {}
    while True:
        status, _, page = await ask(site, f"/{name}?{urlencode({**query, **after})}")
        assert status == 200
        found += page[name]
        if page["next"] is None:
            assert page["total"] == len(found)
            return found
        after = {"after": page["next"]}


async def test_every_endpoint_is_listed_once_page_by_page(site: aiohttp.ClientSession) -> None:
    found = await walk(site, "endpoints", limit="4")
    assert [each["id"] for each in found] == [each["id"] for each in await walk(site, "endpoints")]
    assert {each["id"] for each in found} == set(IDS)
    for each in found:
        assert each["observation"] == json.loads(json.dumps(to_record(IDS[each["id"]])))
        jsonschema.validate(each["observation"], schema())


async def test_what_comes_and_goes_moves_nothing_off_a_page(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    _, _, first = await ask(site, "/endpoints?limit=3")
    gone = first["endpoints"][1]["id"]
    service.seen = [seen for seen in WORLD if write_id(seen.endpoint.key) != gone]
    _, _, second = await ask(site, f"/endpoints?limit=100&after={quote(first['next'])}")
    shown = [each["id"] for each in (*first["endpoints"], *second["endpoints"])]
    assert sorted(shown) == sorted(IDS)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"state": "blocked"}, lambda seen: seen.state is State.BLOCKED),
        ({"severity": "critical"}, lambda seen: Severity.CRITICAL in [v.severity for v in seen.counting]),
        ({"severity": "notice"}, lambda seen: bool(seen.counting)),
        ({"kind": "downgrade"}, lambda seen: Kind.DOWNGRADE in [v.kind for v in seen.counting]),
        ({"verdict": "starttls_missing"}, lambda s: "starttls_missing" in [v.id for v in s.counting]),
        ({"port": "25"}, lambda seen: seen.endpoint.port == 25),
        ({"protocol": "imap"}, lambda seen: seen.endpoint.protocol == "imap"),
        ({"protocol": "imap", "state": "open"}, lambda s: s.endpoint.protocol == "imap" and s.reason is None),
        ({"provider": "no such"}, lambda seen: "no such" in provider_of(seen)),
        ({"q": "MX"}, lambda s: any("mx" in n for n in (s.endpoint.host, *s.endpoint.domains))),
        ({"q": "\x00%_'\""}, lambda seen: False),
        (
            {"domain": WORLD[0].endpoint.domains[0]},
            lambda s: WORLD[0].endpoint.domains[0] in s.endpoint.domains,
        ),
    ],
)
async def test_filters_leave_what_fits(site: aiohttp.ClientSession, query: dict[str, str], fits: Any) -> None:
    found = await walk(site, "endpoints", **query)
    assert {each["id"] for each in found} == {name for name, seen in IDS.items() if fits(seen)}


@pytest.mark.parametrize(
    "query",
    [
        "limit=1000000000", "limit=0", "limit=-1", "limit=x", "limit=", "limit=1e3", "state=nonsense",
        "severity=bad", "kind=x", "port=0", "port=70000", "port=x", "protocol=http", "nonsense=1",
        "after=x", "after=a~b~25~http", "q=" + "x" * 300, "&".join(f"port={n}" for n in range(1, 60)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["endpoints", "domains"])
async def test_what_is_out_of_bounds_is_a_422_that_says_where(
    site: aiohttp.ClientSession, name: str, query: str
) -> None:
    if name == "domains" and query.startswith("after"):
        return
    status, headers, found = await ask(site, f"/{name}?{query}")
    assert status == 422
    assert headers["Content-Type"] == "application/problem+json"
    assert found["title"]
    assert found["errors"][0]["where"].startswith(f"query.{query.split('=', maxsplit=1)[0]}")


async def test_a_parameter_that_is_unknown_is_told_where_the_known_ones_are(
    site: aiohttp.ClientSession,
) -> None:
    _, _, found = await ask(site, "/endpoints?host=mx.example.org")
    assert found["errors"] == [
        {"where": "query.host", "detail": "there is no such parameter here; /docs lists them"}
    ]


async def test_one_endpoint(site: aiohttp.ClientSession) -> None:
    for name, seen in IDS.items():
        status, _, found = await ask(site, f"/endpoints/{quote(name)}")
        assert (status, found["id"]) == (200, name)
        assert found["observation"]["host"] == seen.endpoint.host


@pytest.mark.parametrize("name", ["x", "%00", "a~b~25~smtp", "..", "%2e%2e", "%2Fetc%2Fpasswd", "é~b~1~smtp"])
async def test_an_unknown_name_is_a_404(site: aiohttp.ClientSession, name: str) -> None:
    for path in (f"/endpoints/{name}", f"/endpoints/{name}/history", f"/domains/{name}"):
        async with site.get(f"/api/v1{path}") as answer:
            assert answer.status in (404, 200) if name in ("..", "%2e%2e") else answer.status == 404
            if answer.status == 404:
                assert answer.headers["Content-Type"] == "application/problem+json"


async def test_what_a_client_has_is_not_sent_again(site: aiohttp.ClientSession, service: FakeService) -> None:
    for path in (
        "/endpoints",
        f"/endpoints/{next(iter(IDS))}",
        "/domains",
        "/sd",
        "/schema/record",
        "/events",
    ):
        _, headers, _ = await ask(site, path)
        tag = headers["ETag"]
        assert headers["Cache-Control"] == "private, no-cache"
        for sent in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            status, again, found = await ask(site, path, **{"If-None-Match": sent})
            assert (status, found, again["ETag"]) == (304, None, tag)
        assert (await ask(site, path, **{"If-None-Match": '"other"'}))[0] == 200
    _, headers, _ = await ask(site, "/endpoints")
    service.seen = [*WORLD[:-1], replace(WORLD[-1], duration=9.0)]
    assert (await ask(site, "/endpoints", **{"If-None-Match": headers["ETag"]}))[0] == 200


def past(count: int) -> list[Observation]:
    return [replace(WORLD[0], started_at=NOW - timedelta(seconds=n, microseconds=7)) for n in range(count)]


async def test_the_history_is_paged_from_the_newest_on(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.past = past(25)
    path = f"/endpoints/{write_id(WORLD[0].endpoint.key)}/history?limit=10"
    found: list[Any] = []
    before = ""
    for size in (10, 10, 5):
        _, _, page = await ask(site, path + before)
        assert len(page["observations"]) == size
        found += page["observations"]
        before = f"&before={quote(page['next'])}" if page["next"] else ""
    assert not before
    assert found == [json.loads(json.dumps(to_record(seen))) for seen in service.past]
    _, _, page = await ask(site, f"{path}&since={quote((NOW - timedelta(seconds=3)).isoformat())}")
    assert len(page["observations"]) == 3


@pytest.mark.parametrize("query", ["since=yesterday", "since=2026-01-01T00:00:00", "before=x", "limit=10001"])
async def test_a_time_that_is_none_is_a_422(site: aiohttp.ClientSession, query: str) -> None:
    assert (await ask(site, f"/endpoints/{next(iter(IDS))}/history?{query}"))[0] == 422


async def test_a_store_that_fails_is_a_503(site: aiohttp.ClientSession, service: FakeService) -> None:
    service.store_fault = StoreError("/var/lib/mailport.db: gone")
    status, _, found = await ask(site, f"/endpoints/{next(iter(IDS))}/history")
    assert status == 503
    assert "/var/lib" not in found["detail"]


async def test_every_domain_is_listed_with_its_services(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    found = await walk(site, "domains", limit="2")
    assert [each["domain"] for each in found] == sorted(facts.domain for facts in service.domains())
    one = next(each for each in found if "imap" in each["services"])
    assert set(one["services"]["imap"]) == {"up", "level", "endpoints", "probed", "refused"}
    _, _, whole = await ask(site, f"/domains/{one['domain'].upper()}")
    assert whole["services"] == one["services"]
    assert {member["endpoint"]["id"] for member in whole["members"]} <= set(IDS)
    assert len(whole["members"]) >= one["endpoints"]


async def test_a_domain_is_listed_where_one_endpoint_fits(site: aiohttp.ClientSession) -> None:
    found = await walk(site, "domains", state="blocked")
    blocked = {domain for seen in WORLD if seen.state is State.BLOCKED for domain in seen.endpoint.domains}
    assert {each["domain"] for each in found} == blocked


async def test_findings_belong_to_their_domain(site: aiohttp.ClientSession, service: FakeService) -> None:
    name = service.domains()[0].domain
    finding: TargetFinding = replace(FINDINGS[0], domain=name)
    service.found = [finding]
    _, _, whole = await ask(site, f"/domains/{name}")
    jsonschema.validate(whole["findings"][0], schema())
    assert whole["findings"][0]["reason"] == finding.reason


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("mailport.example.org:9587", "mailport.example.org:9587"),
        ("mailport.example.org", "mailport.example.org:80"),
        ("[::1]:9587", "[::1]:9587"),
    ],
)
async def test_prometheus_is_told_where_to_scrape(
    site: aiohttp.ClientSession, host: str, target: str
) -> None:
    status, headers, found = await ask(site, "/sd", Host=host)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert [group["targets"] for group in found] == [[target]]
    assert found[0]["labels"]["__scheme__"] == "http"


async def test_a_host_that_is_none_is_not_repeated(site: aiohttp.ClientSession) -> None:
    _, _, found = await ask(site, "/sd", Host="<script>")
    assert found[0]["targets"][0].startswith("127.0.0.1:")


async def test_the_schema_is_the_one_that_ships(site: aiohttp.ClientSession) -> None:
    _, headers, found = await ask(site, "/schema/record")
    assert headers["Content-Type"] == "application/schema+json"
    assert found == schema()
    jsonschema.Draft202012Validator.check_schema(found)


@pytest.mark.parametrize("path", ["/nothing", "/endpoints/x/y/z"])
async def test_an_unknown_address_is_a_problem_too(site: aiohttp.ClientSession, path: str) -> None:
    status, headers, found = await ask(site, path)
    assert (status, found["status"]) == (404, 404)
    assert headers["Content-Type"] == "application/problem+json"
    async with site.delete("/api/v1/endpoints") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET"
        assert answer.headers["Content-Type"] == "application/problem+json"
