"""What nobody should send, sent to every address that takes it: a clear status, and bounded cost."""

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from scanner.web import create_app
from scanner.web.asked import ProbeRefusedError
from tests.web.page import load
from tests.web.samples import WORLD
from tests.web.service import FakeService

DOCUMENT: dict[str, Any] = create_app(FakeService()).openapi()
HUGE = "1000000000"
UNKNOWN = (
    "nonesuch",
    "mx.nonesuch.example~192.0.2.1~25~smtp",
    "a~b",
    "%00",
    "..%2f..%2fetc",
    "x" * 2000,
    "%F0%9F",
)


def operations(method: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the addresses that take a method, from the document: what is added is tried as well."""
    for path, methods in DOCUMENT["paths"].items():
        if method in methods:
            yield path, methods[method]


LIMITED = [
    path
    for path, operation in operations("get")
    if any(one["name"] == "limit" for one in operation.get("parameters", ()))
]
NAMED = [(method, path) for method in ("get", "post") for path, _ in operations(method) if "{" in path]
CHANGING = [path for path, _ in operations("post")]
ID = "~".join(map(str, (*WORLD[0].endpoint.key[:3], "smtp")))


def fill(path: str, value: str) -> str:
    return path[: path.index("{")] + value + path[path.index("}") + 1 :]


def test_there_is_something_to_try() -> None:
    assert {"/api/v1/endpoints", "/api/v1/domains", "/api/v1/events", "/api/v1/probes"} <= set(LIMITED)
    assert "/api/v1/endpoints/{id}/history" in LIMITED
    assert {"/-/reload", "/endpoints/{id}", "/api/v1/endpoints/{id}/probe"} == set(CHANGING)
    assert ("get", "/domains/{name}") in NAMED


@pytest.mark.parametrize("value", [HUGE, "-1", "0", "1e3", "x", ""])
@pytest.mark.parametrize("path", LIMITED)
async def test_no_page_is_longer_than_it_may_be(site: aiohttp.ClientSession, path: str, value: str) -> None:
    if "{" in path:
        path = fill(path, ID)
    async with site.get(path, params={"limit": value}) as answer:
        assert answer.status in (400, 422)
        assert answer.content_type == "application/problem+json"
        assert "limit" in str(await answer.json())


@pytest.mark.parametrize("name", ["size", "page", "port"])
async def test_the_status_page_keeps_to_its_own_measure(site: aiohttp.ClientSession, name: str) -> None:
    page = await load(site, f"/?{name}={HUGE}")
    assert len(page.find("tr")) <= 201
    assert len((await load(site, f"/?{name}={HUGE * 100}")).find("tr")) <= 201


@pytest.mark.parametrize("value", UNKNOWN)
@pytest.mark.parametrize(("method", "path"), NAMED)
async def test_what_is_not_there_is_a_404(
    site: aiohttp.ClientSession, service: FakeService, method: str, path: str, value: str
) -> None:
    service.desk.refusal = ProbeRefusedError(404, "no such endpoint is watched")
    async with site.request(method, URL(fill(path, value), encoded=True)) as answer:
        assert answer.status == 404
        assert len(await answer.read()) < 2000


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", CHANGING)
async def test_another_site_changes_nothing(
    site: aiohttp.ClientSession, service: FakeService, path: str, headers: dict[str, str]
) -> None:
    async with site.post(fill(path, ID) if "{" in path else path, headers=headers) as answer:
        assert answer.status == 403
    assert (service.reloads, service.desk.keys) == (0, [])


@pytest.mark.parametrize("path", [path for path in CHANGING if path not in dict(operations("get"))])
async def test_a_link_changes_nothing(site: aiohttp.ClientSession, service: FakeService, path: str) -> None:
    async with site.get(fill(path, ID) if "{" in path else path) as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
    assert (service.reloads, service.desk.keys) == (0, [])
