"""What /probe was asked for lately can be read again, target by target, and takes bounded room."""

import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Reason
from scanner.protocol.transcript import Line
from scanner.web import recent
from scanner.web.asked import Probed, ProbedTarget, ProbeRefusedError
from scanner.web.recent import LAST, LAST_FAILURES, RecentProbes
from tests.web.samples import FINDINGS, NOW, failed, good
from tests.web.service import FakeService

GOOD = ProbedTarget((Probed(good("mx.example.org", 25), (Line(0.0, "note", "connected"),)),), (), 0, 0.1)
BAD = ProbedTarget((Probed(failed("mx.example.org", 25, Reason.CONNECT_TIMEOUT), ()),), (), 0, 10.0)


def test_of_one_target_the_last_are_kept_and_failures_longer() -> None:
    probes = RecentProbes()
    for number in range(1, 101):
        probes.add("mx.example.org:25", BAD if number % 3 == 0 else GOOD, NOW + timedelta(minutes=number))
    probes.add("mx.example.net:25", GOOD, NOW)

    kept = probes.find("mx.example.org:25", None, 1000)
    assert [each.number for each in kept[:LAST]] == list(range(100, 90, -1))
    older = kept[LAST:]
    assert [each.number for each in older] == [number for number in range(90, 0, -1) if number % 3 == 0][
        :LAST_FAILURES
    ]
    assert not any(each.is_success for each in older)
    assert [each.target for each in probes.find(None, None, 1)] == ["mx.example.net:25"]
    assert probes.get(1) is None
    assert probes.find("mx.example.org:25", 95, 2) == probes.find("mx.example.org:25", 96, 3)[1:]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 400_000)), max_size=60))
def test_whatever_comes_the_room_is_bounded(asked: list[tuple[int, int]]) -> None:
    probes = RecentProbes()
    for target, size in asked:
        (probed,) = GOOD.probed
        dialogue = tuple(Line(0.0, "server", "x" * 512) for _ in range(size // 512))
        probes.add(
            f"mx{target}.example.org:25", replace(GOOD, probed=(replace(probed, dialogue=dialogue),)), NOW
        )
        kept = probes.find(None, None, 10_000)
        assert sum(each.bytes for each in kept) <= recent.MOST_BYTES
        assert probes._bytes == sum(each.bytes for each in kept)
        assert sum(map(len, probes._by_target.values())) == len(kept)


@pytest.mark.parametrize("sign", ["x", "\u20ac", "\U0001f4e7"])
def test_whatever_servers_say_takes_no_more_memory_than_that(sign: str) -> None:
    probes, seen = RecentProbes(), GOOD.probed[0].observation

    def long(number: int) -> str:
        return f"{sign * 2000}{number}"

    tracemalloc.start()
    try:
        for number in range(600):
            observation = replace(seen, banner=long(1), capabilities=tuple(map(long, range(20))))
            dialogue = tuple(Line(0.0, "server", long(place)) for place in range(20))
            found = replace(GOOD, probed=(Probed(observation, dialogue),))
            probes.add(f"mx{number}.example.org:25", found, NOW)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert recent.MOST_BYTES / 2 < taken < 1.1 * recent.MOST_BYTES


async def listed(site: aiohttp.ClientSession, query: str = "") -> tuple[int, dict[str, Any]]:
    async with site.get(f"/api/v1/probes{query}") as answer:
        return answer.status, await answer.json()


async def test_what_was_asked_for_is_listed_and_its_dialogue_shown(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    assert await listed(site) == (200, {"probes": [], "next": None})
    async with site.get("/probe?target=MX.example.org&port=25") as answer:
        assert answer.status == 200
    service.desk.probed, service.desk.findings = (), FINDINGS[:1]
    async with site.get("/probe?target=shop.example&debug=true") as answer:
        shown = await answer.text()

    status, found = await listed(site)
    assert status == 200
    newest, oldest = found["probes"]
    assert (newest["target"], newest["success"], newest["endpoints"]) == ("shop.example", False, [])
    assert newest["findings"][0]["host"] == FINDINGS[0].host
    assert (oldest["target"], oldest["at"]) == ("mx.example.org:25", NOW.isoformat())
    assert oldest["endpoints"][0]["state"] == "open"
    # In any spelling that /probe takes.
    for spelling in ("smtp%3A%2F%2Fmx.EXAMPLE.org%3A25", "mx.example.org%3A25"):
        assert (await listed(site, f"?target={spelling}"))[1]["probes"] == [oldest]
    assert await listed(site, "?limit=1") == (200, {"probes": [newest], "next": newest["number"]})
    assert (await listed(site, f"?before={newest['number']}"))[1]["probes"] == [oldest]

    async with site.get(f"/api/v1/probes/{oldest['number']}") as answer:
        assert answer.content_type == "text/plain"
        assert "S: 220 mx.example.org <script>\\x1b[31m\n" in await answer.text()
    async with site.get(f"/api/v1/probes/{newest['number']}") as answer:
        assert await answer.text() == shown


@pytest.mark.parametrize("target", ["a%00b", "", "-x-", "mx.example.com"])
async def test_of_what_was_never_probed_nothing_is_listed(site: aiohttp.ClientSession, target: str) -> None:
    async with site.get("/probe?target=mx.example.org:25") as answer:
        assert answer.status == 200
    assert await listed(site, f"?target={target}") == (200, {"probes": [], "next": None})


async def test_what_was_refused_is_not_kept(site: aiohttp.ClientSession, service: FakeService) -> None:
    service.desk.refusal = ProbeRefusedError(403, "not allowed")
    async with site.get("/probe?target=mx.example.org") as answer:
        assert answer.status == 403
    assert (await listed(site))[1]["probes"] == []


@pytest.mark.parametrize("number", ["0", "1", "-1", "x", "99999999999999999999", "%00", "1.5"])
async def test_an_unknown_number_is_a_404(site: aiohttp.ClientSession, number: str) -> None:
    async with site.get(f"/api/v1/probes/{number}") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?limit=1000000000", 422),
        ("?limit=0", 422),
        ("?before=0", 422),
        ("?before=x", 422),
        (f"?target={'a' * 600}", 422),
        ("?other=1", 422),
    ],
)
async def test_what_cannot_be_understood_is_refused(
    site: aiohttp.ClientSession, query: str, status: int
) -> None:
    assert (await listed(site, query))[0] == status
