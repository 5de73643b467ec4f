"""What the web client keeps of answers, for how long, and how much in all."""

from dataclasses import replace

import pytest

from scanner.model import Reason
from scanner.network.web_answer import Fault, Page, WebFailure
from scanner.network.web_cache import WebCache
from tests.discovery.web_server import SITE, World, respond
from tests.network.name_servers import Clock

PAGE = f"https://{SITE}/page"


async def test_what_is_found_is_kept_for_a_day(here: World) -> None:
    here.site.pages[PAGE] = respond(b"old")
    await here.client.fetch(PAGE)
    here.site.pages[PAGE] = respond(b"new")
    here.clock.now += 86_399
    kept = await here.client.fetch(PAGE)
    assert isinstance(kept, Page)
    assert kept.body == b"old"
    fresh = await here.client.fetch(PAGE, is_fresh=True)
    assert fresh == replace(kept, body=b"new")
    assert await here.client.fetch(PAGE) == kept
    here.clock.now += 2
    assert await here.client.fetch(PAGE) == fresh


@pytest.mark.parametrize(("status", "seconds"), [(404, 3_600), (503, 300)])
async def test_failures_are_kept_for_less(here: World, status: int, seconds: int) -> None:
    here.site.pages[PAGE] = respond(status=status)
    await here.client.fetch(PAGE)
    here.site.pages[PAGE] = respond(b"mended")
    here.clock.now += seconds - 1
    assert isinstance(await here.client.fetch(PAGE), WebFailure)
    here.clock.now += 2
    assert isinstance(await here.client.fetch(PAGE), Page)


async def test_no_such_name_is_kept_longer_than_a_failing_name_server(here: World) -> None:
    url = "https://late.test/"
    here.names.put("late.test")  # SERVFAIL
    assert isinstance(await here.client.fetch(url), WebFailure)
    del here.names.hosts["late.test"]
    here.clock.now += 301
    missing = await here.client.fetch(url)
    assert isinstance(missing, WebFailure)
    assert missing.reason is Reason.NAME_NOT_FOUND
    here.clock.now += 3_599
    assert await here.client.fetch(url) is missing


@pytest.mark.parametrize(
    ("fault", "is_definite"),
    [
        (Fault.REFUSED_ADDRESS, True),
        (Fault.REDIRECT, True),
        (Fault.TOO_LARGE, True),
        (Fault.MALFORMED, True),
        (Fault.CONNECT, False),
        (Fault.TLS, False),
        (Fault.TIMEOUT, False),
    ],
)
def test_what_may_pass_by_itself_is_not_definite(fault: Fault, is_definite: bool) -> None:
    assert WebFailure(fault, PAGE, "", Reason.PROTOCOL_ERROR).is_definite is is_definite


def page(size: int) -> Page:
    return Page(PAGE, b"x" * size, "", is_secure=True)


def test_the_number_of_answers_is_bounded() -> None:
    cache = WebCache(Clock(), max_entries=3)
    for number in (1, 2, 3, 1, 4):
        cache.put(number, WebFailure(Fault.TLS, PAGE, "", Reason.TLS_HANDSHAKE_FAILED))
    assert [cache.get(number) is not None for number in (1, 2, 3, 4)] == [True, False, True, True]


def test_the_bytes_of_pages_are_bounded() -> None:
    cache = WebCache(Clock(), max_bytes=100)
    cache.put(1, page(60))
    cache.put(1, page(50))
    cache.put(2, page(50))
    assert len(cache) == 2
    cache.put(3, page(1))
    assert [cache.get(number) is not None for number in (1, 2, 3)] == [False, True, True]
    cache.put(4, page(101))
    assert len(cache) == 0
