"""What the pages of a shard say of the others, so that nobody takes a domain that is there for a lost one."""

import aiohttp
import pytest

from scanner.model.shard import Shard
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
    assert "it is watched by another shard (3); /api/v1/shard has the address of each" in told
    assert (await read(site, "/domains/nowhere.test"))[0] == 404
