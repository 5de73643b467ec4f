"""The ISPDB: found, not known, failing."""

from collections.abc import AsyncIterator

import pytest

from scanner.discovery.ispdb import find_ispdb
from scanner.discovery.offer import Offer
from scanner.model import Reason, Source
from tests.discovery.test_autoconfig import GOOD, IMAP, POP3, SMTP, config, server
from tests.discovery.web_server import World, respond, world
from tests.servers.certificates import Authority, Leaf

HOST = "ispdb.test"
BASE = f"https://{HOST}/v1.1/"


@pytest.fixture(scope="session")
def ispdb_leaf(authority: Authority) -> Leaf:
    return authority.issue(HOST)


@pytest.fixture
async def here(authority: Authority, ispdb_leaf: Leaf) -> AsyncIterator[World]:
    async with world(authority, ispdb_leaf, HOST) as made:
        made.site.pages[f"{BASE}mail.test"] = respond(GOOD)
        yield made


@pytest.mark.parametrize("base", [BASE, BASE.rstrip("/"), f"{BASE}{{domain}}"])
async def test_a_domain_is_looked_up(here: World, base: str) -> None:
    assert await find_ispdb("mail.test", here.client, base) == Offer(Source.ISPDB, (IMAP, POP3, SMTP))
    assert here.site.asked == [f"{BASE}mail.test"]


async def test_an_unknown_domain_is_no_trouble(here: World) -> None:
    assert await find_ispdb("unknown.test", here.client, BASE) == Offer(Source.ISPDB)


async def test_plain_servers_are_told(here: World) -> None:
    here.site.pages[f"{BASE}mail.test"] = respond(config(server(IMAP, socketType="plain")))
    (notice,) = (await find_ispdb("mail.test", here.client, BASE)).notices
    assert notice.id == "autoconfig_plaintext"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (respond(status=500), "status 500"),
        (respond(b"<html>Sign in to this network</html>"), "it does not begin with clientConfig"),
        (respond(b"x" * 70_000), "larger than 65536 bytes"),
    ],
)
async def test_an_answer_of_no_use_is_trouble(here: World, answer: bytes, says: str) -> None:
    here.site.pages[f"{BASE}mail.test"] = answer
    offer = await find_ispdb("mail.test", here.client, BASE)
    assert not offer.places
    assert offer.trouble is not None
    assert says in offer.trouble.detail


async def test_a_list_out_of_reach_is_trouble(here: World) -> None:
    offer = await find_ispdb("mail.test", here.client, "https://nowhere.test/")
    assert offer.trouble is not None
    assert offer.trouble.reason is Reason.NAME_NOT_FOUND
