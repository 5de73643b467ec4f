"""The pages of what /probe was asked for: the list and the dialogues, whatever servers and clients wrote."""

import re
from dataclasses import replace
from urllib.parse import quote

import aiohttp
import pytest

from scanner.protocol.transcript import Line
from scanner.web.asked import Probed
from tests.web.page import parse
from tests.web.samples import FINDINGS, good
from tests.web.service import FakeService

HOSTILE = "<script>alert(1)</script>\u202e</pre><img src=x onerror=alert(1)>'\"&"


async def page(site: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    async with site.get(path) as answer:
        assert answer.status == status, await answer.text()
        return await answer.text()


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


async def ask(site: aiohttp.ClientSession, target: str) -> None:
    async with site.get(f"/probe?target={quote(target)}") as answer:
        assert answer.status == 200


async def test_nothing_is_told_of_it_before_somebody_asks(site: aiohttp.ClientSession) -> None:
    assert "/probes" not in await page(site, "/")
    assert "was not asked for anything since the start" in words_of(await page(site, "/probes"))


async def test_a_probe_is_listed_with_its_dialogue_behind_it(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    await ask(site, "mx.example.org:25")
    service.desk.probed, service.desk.findings, service.desk.unfinished = (), FINDINGS[:1], 2
    await ask(site, "shop.example")
    assert "2 probes on request" in words_of(await page(site, "/"))
    listed = words_of(await page(site, "/probes"))
    assert listed.index("shop.example does not work") < listed.index("mx.example.org:25 works")
    assert "25 open" in listed
    assert "2 not in time" in listed
    one = await page(site, "/probes?target=MX.example.org.:25")
    assert re.findall(r"<strong><bdi>(.*?)</bdi></strong>", one) == ["mx.example.org:25"]
    first = await page(site, "/probes/1")
    assert "220 mx.example.org" in first
    assert "<script>" not in first
    assert "C: EHLO probe.example.net" in words_of(first)
    second = words_of(await page(site, "/probes/2"))
    assert "2 endpoints did not get a turn in time" in second
    assert FINDINGS[0].host in second
    assert "What to do" in second, "as on the page of a domain"


async def test_long_lists_are_paged(site: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.web.asked_pages.ON_A_PAGE", 3)
    for number in range(7):
        await ask(site, f"mx{number}.example.org:25")
    seen, link = [], "/probes"
    while link:
        text = await page(site, link)
        seen += re.findall(r"<bdi>mx(\d)\.example\.org:25</bdi></strong>", text)
        found = re.search(r'href="(/probes\?before=\d+)"', text)
        link = found[1] if found else ""
    assert seen == list("6543210")


@pytest.mark.parametrize("number", ["0", "3", "-1", "x", "9" * 30, "%00", "1.5", "..%2f..%2fconfig"])
async def test_what_is_not_kept_is_a_404(site: aiohttp.ClientSession, number: str) -> None:
    await ask(site, "mx.example.org:25")
    await page(site, f"/probes/{number}", 404)


@pytest.mark.parametrize(
    "query",
    [
        "?before=x",
        "?before=-1",
        f"?target={quote(HOSTILE)}",
        "?target=%00",
        f"?target={'a' * 6000}",
        f"?before={'9' * 6000}",
        "?x=1",
    ],
)
async def test_odd_questions_are_answered_and_nothing_of_them_is_code(
    site: aiohttp.ClientSession, query: str
) -> None:
    await ask(site, "mx.example.org:25")
    text = await page(site, f"/probes{query}")
    assert "<script>" not in text
    assert "<img src=x" not in text


async def test_hostile_words_of_a_server_are_text(site: aiohttp.ClientSession, service: FakeService) -> None:
    seen = replace(good("mx.example.org", 25), banner=HOSTILE, detail=HOSTILE)
    service.desk.probed = (Probed(seen, (Line(0.0, "server", HOSTILE), Line(0.1, "note", HOSTILE))),)
    service.desk.findings = (replace(FINDINGS[0], detail=HOSTILE),)
    await ask(site, "mx.example.org:25")
    text = await page(site, "/probes/1")
    assert "<script>" not in text
    assert "<img" not in text.replace('<img src="/static/mailport.svg"', "")
    root = parse(text)
    assert not root.find("script")
    assert not [name for each in root.everything() for name in each.attributes if name.startswith("on")]
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4
    # A text that runs from right to left turns nothing around it.
    assert all(f"<bdi>{piece}" in text for piece in ("&lt;script&gt;",))
