"""What the pages of a shard say of the others, so that nobody takes a domain that is there for a lost one."""

import json

import aiohttp
import pytest

from scanner.model.endpoint_id import read_id
from scanner.model.shard import Shard
from scanner.web.asked import ProbeRefusedError
from scanner.web.render import endpoint_link
from tests.web.page import parse
from tests.web.samples import WORLD
from tests.web.service import FakeService

PAGES = ("https://one.test/", "https://two.test", "//three.test:9587/")
(SHOWN, *_) = (name for seen in WORLD for name in seen.endpoint.domains)


@pytest.fixture
def service() -> FakeService:
    return FakeService(shard=Shard(2, 3), shard_pages=PAGES, missing=frozenset({"there.test"}))


async def read(site: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with site.get(path) as answer:
        return answer.status, await answer.text()


async def test_the_status_page_links_to_the_other_shards(site: aiohttp.ClientSession) -> None:
    _, page = await read(site, "/")
    assert "This is shard 2 of 3 and shows its own part; 1 target is wholly with others." in page
    links = '<a href="https://one.test/">shard 1</a> and <a href="//three.test:9587/">shard 3</a>'
    assert f"The rest is with {links}." in page
    assert "there.test" not in page


async def test_without_their_addresses_they_are_named_all_the_same(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.shard_pages = ()
    service.missing = frozenset()
    _, page = await read(site, "/")
    assert "This is shard 2 of 3 and shows its own part. " in " ".join(page.split())
    assert "The rest is with shard 1 and shard 3." in page


async def test_a_service_without_shards_says_nothing_of_them(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.shard = None
    service.missing = frozenset()
    for path in ("/", f"/domains/{SHOWN}"):
        assert "shard" not in (await read(site, path))[1].lower(), path


async def test_the_page_of_a_domain_says_where_its_other_servers_are(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    _, page = await read(site, f"/domains/{SHOWN}")
    assert "shard 2 of 3" not in page, "all of it is here"
    service.beside = {SHOWN: (1, 3)}
    _, page = await read(site, f"/domains/{SHOWN}")
    assert "This is shard 2 of 3: the other servers of this domain are with " in page
    assert f'<a href="https://one.test/domains/{SHOWN}">shard 1</a>' in page
    assert f'<a href="//three.test:9587/domains/{SHOWN}">shard 3</a>' in page


async def test_a_domain_that_another_shard_has_all_of_is_not_called_unknown(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.beside = {"there.test": (3,)}
    status, page = await read(site, "/domains/there.test")
    assert status == 200
    assert "watched by another shard" in page
    assert '<a href="//three.test:9587/domains/there.test">shard 3</a>' in page
    status, told = await read(site, "/api/v1/domains/there.test")
    assert status == 404
    where = "shard 3: http://three.test:9587/api/v1/domains/there.test"
    assert f'"detail":"this is shard 2 of 3, and what there is of this domain is with {where}"' in told
    assert (await read(site, "/domains/nowhere.test"))[0] == 404


def id_with(number: int) -> str:
    """An endpoint of a host that belongs to one of the three shards."""
    hosts = (f"mx{count}.far.test" for count in range(100))
    host = next(host for host in hosts if Shard(1, 3).number_of(host) == number)
    return f"{host}~192.0.2.9~25~smtp"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_page_of_an_endpoint_says_which_shard_has_its_host(
    method: str, site: aiohttp.ClientSession
) -> None:
    id_ = id_with(3)
    host = id_.partition("~")[0]
    async with site.request(method, f"/endpoints/{id_}") as answer:
        assert (answer.status, answer.content_type) == (404, "text/html")
        page = parse(await answer.text())
    (lead,) = page.find("section", class_="lead")
    assert f"This is shard 2 of 3, and the host {host} with all its endpoints is with shard 3." in lead.text
    (link,) = lead.find("a")
    assert link.attributes["href"] == f"//three.test:9587/endpoints/{id_}"


async def test_the_page_names_the_shard_where_its_address_is_not_known(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.shard_pages = ()
    status, page = await read(site, f"/endpoints/{id_with(1)}")
    assert status == 404
    (lead,) = parse(page).find("section", class_="lead")
    assert "with all its endpoints is with shard 1." in lead.text
    assert lead.find("a") == []


@pytest.mark.parametrize("path", ["", "/history"])
async def test_the_api_says_which_shard_has_the_host_of_an_endpoint(
    path: str, site: aiohttp.ClientSession, service: FakeService
) -> None:
    id_ = id_with(1)
    status, text = await read(site, f"/api/v1/endpoints/{id_}{path}")
    assert status == 404
    what = (
        f"this is shard 2 of 3, and the host {id_.partition('~')[0]} with all its endpoints is with shard 1"
    )
    assert json.loads(text)["detail"] == f"{what}: https://one.test/api/v1/endpoints/{id_}{path}"
    service.shard_pages = ()
    assert json.loads((await read(site, f"/api/v1/endpoints/{id_}{path}"))[1])["detail"] == what


async def test_a_probe_that_is_asked_of_the_wrong_shard_is_told_the_right_one(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.desk.refusal = ProbeRefusedError(404, "this endpoint is not watched, or was not probed yet")
    for number, word in ((3, "shard 3: http://three.test:9587/api/v1/endpoints/"), (2, "not watched")):
        async with site.post(f"/api/v1/endpoints/{id_with(number)}/probe") as answer:
            assert answer.status == 404
            assert word in (await answer.json(content_type=None))["detail"]


@pytest.mark.parametrize("kind", ["ours", "no host", "alone"])
async def test_what_no_other_shard_can_have_is_not_sent_there(
    kind: str, site: aiohttp.ClientSession, service: FakeService
) -> None:
    if kind == "alone":
        service.shard = None
    id_ = {"ours": id_with(2), "no host": "<b>&x~192.0.2.9~25~smtp", "alone": id_with(1)}[kind]
    key = read_id(id_)
    assert key is not None
    for path in (endpoint_link(key), f"/api/v1{endpoint_link(key)}", f"/api/v1{endpoint_link(key)}/history"):
        status, text = await read(site, path)
        assert status == 404
        assert "no such endpoint" in text
        assert "shard" not in text


async def test_what_is_watched_here_is_shown_though_it_is_to_go_to_another_shard(
    site: aiohttp.ClientSession,
) -> None:
    moving = next(seen for seen in WORLD if not Shard(2, 3).has(seen.endpoint.host))
    assert (await read(site, endpoint_link(moving.endpoint.key)))[0] == 200
