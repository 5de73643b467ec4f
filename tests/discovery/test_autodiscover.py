"""Autodiscover: what counts as a hint of Exchange, and what does not."""

from collections.abc import AsyncIterator

import pytest

from scanner.discovery.autodiscover import MICROSOFT_365, find_autodiscover
from scanner.discovery.offer import Offer
from scanner.model import Source
from tests.discovery.web_server import World, redirect, respond, world
from tests.servers.certificates import Authority, Leaf

D = "sub.office.test"
FIRST = f"https://autodiscover.{D}/autodiscover/autodiscover.xml"
SECOND = f"https://{D}/autodiscover/autodiscover.xml"
WANTS_SIGN_IN = respond(b"", "WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM", status=401)
NOTHING = Offer(Source.AUTODISCOVER)


@pytest.fixture(scope="session")
def autodiscover_leaf(authority: Authority) -> Leaf:
    return authority.issue(D, f"autodiscover.{D}", "office.test", "autodiscover.office.test")


@pytest.fixture
async def here(authority: Authority, autodiscover_leaf: Leaf) -> AsyncIterator[World]:
    hosts = (D, f"autodiscover.{D}", "office.test", "autodiscover.office.test")
    async with world(authority, autodiscover_leaf, *hosts) as made:
        yield made


@pytest.mark.parametrize("url", [FIRST, SECOND])
async def test_a_sign_in_is_a_hint_and_nothing_is_sent(here: World, url: str) -> None:
    here.site.pages[url] = WANTS_SIGN_IN
    offer = await find_autodiscover(D, here.client)
    assert [notice.id for notice in offer.notices] == ["autodiscover_hint"]
    assert (offer.places, offer.provider, offer.trouble) == ((), None, None)
    assert sorted(here.site.asked) == sorted([FIRST, SECOND])
    for request in here.site.requests:
        assert request.head.startswith("GET ")
        assert "authorization" not in request.head.lower()


@pytest.mark.parametrize(
    "host",
    ["outlook.com", "autodiscover-s.outlook.com", "OUTLOOK.office365.com", "autodiscover.office365.com."],
)
async def test_a_redirect_to_microsoft_names_the_provider(here: World, host: str) -> None:
    here.site.pages[SECOND] = redirect(f"https://{host}/autodiscover/autodiscover.xml")
    offer = await find_autodiscover(D, here.client)
    assert offer.provider == MICROSOFT_365
    assert [notice.id for notice in offer.notices] == ["autodiscover_hint"]
    assert host not in here.names.asked


async def test_a_redirect_by_http_counts_where_it_is_asked_for(here: World) -> None:
    url = "http://autodiscover.{domain}/autodiscover/autodiscover.xml"
    here.site.pages[url.replace("{domain}", D)] = redirect("https://autodiscover-s.outlook.com/x")
    assert (await find_autodiscover(D, here.client, [url])).provider == MICROSOFT_365


@pytest.mark.parametrize(
    "answer",
    [
        respond(b"<Autodiscover/>"),
        respond(status=401),
        respond(status=403),
        respond(status=500),
        redirect("https://evil-outlook.com/"),
        redirect("https://outlook.com.evil.test/"),
        redirect("https://www.office.test/"),
        redirect("https://user:secret@outlook.com/"),
        b"nonsense",
    ],
)
async def test_nothing_else_is_concluded(here: World, answer: bytes) -> None:
    here.site.pages[FIRST] = here.site.pages[SECOND] = answer
    assert await find_autodiscover(D, here.client) == NOTHING


async def test_a_sign_in_without_https_says_nothing(here: World) -> None:
    url = "http://autodiscover.{domain}/autodiscover/autodiscover.xml"
    here.site.pages[url.replace("{domain}", D)] = WANTS_SIGN_IN
    assert await find_autodiscover(D, here.client, [url]) == NOTHING


async def test_parent_domains_are_not_asked(here: World) -> None:
    here.site.pages["https://office.test/autodiscover/autodiscover.xml"] = WANTS_SIGN_IN
    here.site.pages["https://autodiscover.office.test/autodiscover/autodiscover.xml"] = WANTS_SIGN_IN
    assert await find_autodiscover(D, here.client) == NOTHING
    assert set(here.names.asked) == {D, f"autodiscover.{D}"}
