"""Several vantages on the pages and in the HTTP interface; nothing of it where there is only one."""

import json
from dataclasses import replace

import aiohttp

from scanner.model.endpoint_id import write_id
from scanner.model.record import to_record
from scanner.model.verdict import StandingVerdict
from scanner.web.render import endpoint_link
from tests.web.page import assert_harmless, load
from tests.web.samples import INCIDENT, NOW, WORLD
from tests.web.service import FakeService
from tests.web.verdicts import BLOCKED

SEEN = next(seen for seen in WORLD if seen.state == "open" and not seen.verdicts)
HOSTILE_NAME = "<b>rome</b>"
ROME = replace(
    SEEN,
    vantage=HOSTILE_NAME,
    verdicts=(BLOCKED,),
    standing=(StandingVerdict(BLOCKED, NOW, NOW),),
    level=1,
)
OSLO = replace(SEEN, vantage="oslo", standing=())


async def test_the_page_of_an_endpoint_has_a_row_for_each_vantage(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.others = (ROME, OSLO)
    page = await load(site, endpoint_link(SEEN.endpoint.key))
    (section,) = page.find("section", aria_labelledby="vantages")
    rows = [
        (row.find("th")[0].text, {cell.attributes["data-label"]: cell.text for cell in row.find("td")})
        for row in section.find("tbody")[0].find("tr")
    ]
    assert [name for name, _ in rows] == ["default", HOSTILE_NAME, "oslo"]
    assert [cells["Only from there"] for _, cells in rows] == ["nothing", "port blocked", "nothing"]
    assert rows[1][1]["Level"].startswith("1:")
    assert_harmless(page)


async def test_the_interface_has_what_each_vantage_saw(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    path = f"/api/v1/endpoints/{write_id(SEEN.endpoint.key)}"
    async with site.get(path) as answer:
        assert "vantages" not in await answer.json()
    service.others = (ROME, OSLO)
    async with site.get(path) as answer:
        found = await answer.json()
    assert found["vantages"] == json.loads(json.dumps([to_record(ROME), to_record(OSLO)]))


async def test_one_vantage_alone_has_no_rows(site: aiohttp.ClientSession) -> None:
    page = await load(site, endpoint_link(SEEN.endpoint.key))
    assert page.find("section", aria_labelledby="vantages") == []


async def test_an_incident_says_from_where_alone_it_is_so(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    incident = replace(INCIDENT, vantage="rome, oslo", compared_with=("bern", HOSTILE_NAME))
    service.open_incidents = (incident,)
    page = await load(site, "/")
    (section,) = page.find("section", class_="incidents")
    assert "from rome, oslo only" in section.text
    assert f"in order from bern, {HOSTILE_NAME}" in section.text
    assert_harmless(page)
    async with site.get("/api/v1/incidents") as answer:
        (found,) = (await answer.json())["incidents"]
    assert found["vantage"] == "rome, oslo"
    assert (found["vantages"], found["compared_with"]) == (["rome", "oslo"], ["bern", HOSTILE_NAME])
    service.open_incidents = (INCIDENT,)
    async with site.get("/api/v1/incidents") as answer:
        (found,) = (await answer.json())["incidents"]
    assert (found["vantage"], found["vantages"], found["compared_with"]) == (None, [], [])


async def test_a_verdict_says_from_where_alone_it_is_so(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    own = replace(BLOCKED, vantages=(HOSTILE_NAME,), compared_with=("oslo",))
    service.seen = (replace(SEEN, verdicts=(own,), standing=(StandingVerdict(own, NOW, NOW),)),)
    page = await load(site, endpoint_link(SEEN.endpoint.key))
    assert f"from {HOSTILE_NAME} only" in page.text
    assert_harmless(page)
