"""The routes that probe on request: what is understood, what is refused, and how an answer looks."""

import json
from typing import Any

import aiohttp
import pytest

from scanner.model.endpoint_id import write_id
from scanner.model.record import to_record
from scanner.model.target import parse_target
from scanner.web.asked import ProbeRefusedError
from tests.servers.prometheus import promtool_check_metrics
from tests.web.desk import DIALOGUE
from tests.web.samples import FINDINGS, WORLD
from tests.web.service import FakeService

KEY = WORLD[0].endpoint.key
NOW_PATH = f"/api/v1/endpoints/{write_id(KEY)}/probe"


async def post(site: aiohttp.ClientSession, path: str = NOW_PATH, **headers: str) -> tuple[int, Any, Any]:
    async with site.post(path, headers=headers) as answer:
        return answer.status, answer.headers, json.loads(await answer.read())


async def get(site: aiohttp.ClientSession, query: str, **headers: str) -> tuple[int, str]:
    async with site.get(f"/probe?{query}", headers=headers) as answer:
        return answer.status, await answer.text()


async def test_probe_now_answers_with_the_observation_and_the_dialogue(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    status, _, found = await post(site)
    assert status == 200
    assert service.desk.keys == [KEY]
    assert found["observation"] == json.loads(json.dumps(to_record(WORLD[0])))
    assert [line["text"] for line in found["dialogue"]] == [line.text for line in DIALOGUE]
    assert found["is_counted"] is True


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://x"}, 200),
        ({}, 200),
    ],
)
async def test_no_other_site_may_have_anything_probed(
    site: aiohttp.ClientSession, service: FakeService, headers: dict[str, str], status: int
) -> None:
    found = await post(site, **headers)
    assert found[0] == status
    assert len(service.desk.keys) == (status == 200)


async def test_probing_needs_post(site: aiohttp.ClientSession, service: FakeService) -> None:
    async with site.get(NOW_PATH) as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
    assert service.desk.keys == []


@pytest.mark.parametrize("name", ["x", "%00", "a~b~c~d", "%F0%9F%98%80~1~25~smtp", "a" * 3000])
async def test_an_unknown_id_is_a_404(site: aiohttp.ClientSession, service: FakeService, name: str) -> None:
    service.desk.refusal = ProbeRefusedError(404, "not watched")
    status, headers, found = await post(site, f"/api/v1/endpoints/{name}/probe")
    assert (status, found["status"]) == (404, 404)
    assert headers["Content-Type"] == "application/problem+json"


async def test_a_refusal_says_when_to_come_again(site: aiohttp.ClientSession, service: FakeService) -> None:
    service.desk.refusal = ProbeRefusedError(429, "a moment ago", retry_after=12.4)
    status, headers, found = await post(site)
    assert (status, headers["Retry-After"], found["detail"]) == (429, "12", "a moment ago")


async def test_a_target_is_told_as_metrics(site: aiohttp.ClientSession, service: FakeService) -> None:
    header = {"X-Prometheus-Scrape-Timeout-Seconds": "10"}
    status, text = await get(site, "target=mx.example.org&port=25", **header)
    assert status == 200
    assert service.desk.targets == [(parse_target("mx.example.org:25"), 10.0)]
    assert "\nprobe_duration_seconds 0.25\n" in text
    assert 'mailport_probe_phase_seconds{host="' in text
    assert "mailport_probe_success{" in text
    report = promtool_check_metrics(text)
    assert report.is_clean, report.output


async def test_what_is_unfinished_is_no_success(site: aiohttp.ClientSession, service: FakeService) -> None:
    service.desk.unfinished = 2
    _, text = await get(site, "target=mx.example.org")
    assert "\nprobe_success 0\n" in text
    assert "\nmailport_probe_unfinished 2\n" in text


async def test_a_target_without_an_endpoint_is_no_success(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.desk.probed = ()
    service.desk.findings = FINDINGS[:1]
    status, text = await get(site, "target=mx.example.org")
    assert status == 200
    assert "\nprobe_success 0\n" in text
    assert FINDINGS[0].host in (await get(site, "target=mx.example.org&debug=true"))[1]


async def test_debug_shows_the_dialogue(site: aiohttp.ClientSession, service: FakeService) -> None:
    async with site.get("/probe?target=mx.example.org:25&debug=true") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        text = await answer.text()
    assert "0.010 S: 220 mx.example.org <script>\\x1b[31m\n" in text
    assert "0.020 C: EHLO probe.example.net\n" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "name a target"),
        ("target=", "name a target"),
        ("target=a%00b", "400"),
        ("target=mx.example.org&port=x", "port"),
        ("target=mx.example.org&port=0", "port"),
        ("target=mx.example.org&port=99999", "port"),
        ("target=mx.example.org:25&port=587", "keep one"),
        (f"target={'a' * 600}", "too long"),
        ("target=-x-&port=25", "hyphen"),
        ("target=mx.example.org&debug=perhaps", "debug must be true or false"),
    ],
)
async def test_what_cannot_be_understood_is_a_400(
    site: aiohttp.ClientSession, service: FakeService, query: str, said: str
) -> None:
    status, text = await get(site, query)
    assert status == 400
    assert said in text
    assert service.desk.targets == []


@pytest.mark.parametrize("value", ["", "x", "0", "-1", "nan", "inf", "1e999"])
async def test_a_timeout_that_is_none_is_a_400(site: aiohttp.ClientSession, value: str) -> None:
    header = {"X-Prometheus-Scrape-Timeout-Seconds": value}
    status, text = await get(site, "target=mx.example.org", **header)
    assert status == 400
    assert "must be a number of seconds above 0" in text


async def test_a_target_outside_is_a_403_with_its_reason(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.desk.refusal = ProbeRefusedError(403, "x.example is neither watched nor allowed")
    assert await get(site, "target=x.example") == (403, "403 x.example is neither watched nor allowed\n")
