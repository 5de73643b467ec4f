"""The web client against a real server: what it fetches, how it says so when it cannot."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scanner.model import Reason
from scanner.network import Resolver
from scanner.network.web import MAX_PAGE, WebClient
from scanner.network.web_answer import Fault, Page, WebFailure
from tests.discovery.web_server import Names, World, redirect, respond, web_client, web_site, world
from tests.network.loops import Runner, on_both_loops
from tests.network.name_servers import Clock, serving
from tests.servers.certificates import Authority, Leaf

HOST = "www.pages.test"
PAGE = f"https://{HOST}/page"


@pytest.fixture(scope="session")
def pages_leaf(authority: Authority) -> Leaf:
    return authority.issue(HOST, "other.pages.test")


@pytest.fixture
async def here(authority: Authority, pages_leaf: Leaf) -> AsyncIterator[World]:
    async with world(authority, pages_leaf, HOST, "other.pages.test") as made:
        yield made


async def failure_of(client: WebClient, url: str, **how: bool | int) -> WebFailure:
    answer = await client.fetch(url, **how)  # type: ignore[arg-type]
    assert isinstance(answer, WebFailure), answer
    return answer


@on_both_loops
def test_a_page_comes_by_a_verified_connection(run: Runner, authority: Authority, pages_leaf: Leaf) -> None:
    async def main() -> None:
        async with world(authority, pages_leaf, HOST) as here:
            here.site.pages[PAGE] = respond(b"hello", "Content-Type: Text/Plain; charset=utf-8")
            assert await here.client.fetch(PAGE) == Page(PAGE, b"hello", "text/plain", is_secure=True)

    run(main())


async def test_the_request_says_who_asks_and_nothing_of_others(here: World) -> None:
    here.site.pages[PAGE] = respond(b"1", "Set-Cookie: id=1; Path=/")
    await here.client.fetch(PAGE)
    await here.client.fetch(PAGE, is_fresh=True)
    for request in here.site.requests:
        lines = dict(line.split(": ", 1) for line in request.head.rstrip().split("\r\n")[1:])
        assert set(lines) <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
        assert lines["Host"] == HOST
        assert lines["Accept-Encoding"] == "identity"
        assert lines["User-Agent"].startswith("mailport/")
    assert len(here.site.requests) == 2


async def test_proxies_of_the_environment_are_not_used(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    here.site.pages[PAGE] = respond(b"direct")
    assert isinstance(await here.client.fetch(PAGE), Page)


async def test_addresses_come_from_our_resolver(authority: Authority, pages_leaf: Leaf) -> None:
    async with web_site(pages_leaf) as site, serving({HOST: {"A": [site.address]}}) as (zone, place):
        site.pages[PAGE] = respond(b"found")
        client = WebClient(Resolver([place]), allow_private=True, ca_file=authority.ca_file)
        assert isinstance(await client.fetch(PAGE), Page)
        failure = await failure_of(client, "https://nowhere.test/")
        await client.close()
    assert (HOST, "A") in zone.asked
    assert (failure.fault, failure.reason) == (Fault.DNS, Reason.NAME_NOT_FOUND)


@pytest.mark.parametrize("status", [204, 206, 400, 401, 403, 404, 410, 418, 429, 500, 503])
async def test_any_other_status_is_a_failure(here: World, status: int) -> None:
    here.site.pages[PAGE] = respond(b"", 'WWW-Authenticate: Basic realm="x\ty"', status=status)
    failure = await failure_of(here.client, PAGE)
    assert (failure.fault, failure.status) == (Fault.STATUS, status)
    assert failure.challenge == 'Basic realm="x y"'
    assert failure.is_definite is (status < 500 and status != 429)


@pytest.mark.parametrize(
    ("names", "days", "says"),
    [
        (["elsewhere.test"], 90, f"Hostname mismatch, certificate is not valid for '{HOST}'"),
        ([HOST], -3, "certificate has expired"),
    ],
)
async def test_a_bad_certificate_is_told(
    authority: Authority, names: list[str], days: int, says: str
) -> None:
    async with world(authority, authority.issue(*names, days=days), HOST) as here:
        failure = await failure_of(here.client, PAGE)
        assert not here.site.requests
    assert (failure.fault, failure.reason) == (Fault.TLS, Reason.TLS_HANDSHAKE_FAILED)
    assert says in failure.detail


async def test_an_unknown_authority_is_told(here: World) -> None:
    client = WebClient(here.names, allow_private=True)  # the system's CAs
    failure = await failure_of(client, PAGE)
    await client.close()
    assert failure.fault is Fault.TLS
    assert "self-signed certificate in certificate chain" in failure.detail


async def test_plain_text_on_the_tls_port_is_told(here: World) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, here.site.address, 8443)
    failure = await failure_of(here.client, f"https://{HOST}:8443/", is_configured=True)
    server.close()
    assert failure.fault is Fault.TLS
    assert failure.detail == f"no TLS with {here.site.address}: wrong version number"


async def test_a_refused_connection_is_told_and_the_next_address_tried(
    authority: Authority, pages_leaf: Leaf
) -> None:
    async with web_site(pages_leaf) as site:
        names = Names()
        names.put(HOST, "127.0.30.254")
        async with web_client(names, authority.ca_file) as client:
            failure = await failure_of(client, PAGE)
            assert (failure.fault, failure.reason) == (Fault.CONNECT, Reason.CONNECTION_REFUSED)
            assert "ECONNREFUSED" in failure.detail
            names.put("other.pages.test", "127.0.30.254", site.address)
            site.pages["https://other.pages.test/"] = respond(b"second")
            assert isinstance(await client.fetch("https://other.pages.test/"), Page)


async def test_only_the_wanted_families_are_asked(here: World) -> None:
    async with web_client(here.names, here.authority.ca_file, families=(6,)) as client:
        failure = await failure_of(client, PAGE)
    assert (failure.fault, failure.reason) == (Fault.REFUSED_ADDRESS, Reason.NO_ADDRESS)
    assert failure.detail == f"{HOST} has no IPv6 address"


async def test_ipv6_literals_work(authority: Authority) -> None:
    leaf = authority.issue("six.test", addresses=["::1"])
    async with (
        web_site(leaf, address="::1", ports=(0,)) as site,
        web_client(Names(), authority.ca_file) as client,
    ):
        url = f"https://[::1]:{site.ports[0]}/"
        site.pages[url] = respond(b"six")
        page = await client.fetch(url, is_configured=True)
    assert page == Page(url, b"six", "", is_secure=True)


async def test_many_dead_addresses_of_one_family_leave_tries_for_the_other(authority: Authority) -> None:
    names = Names()
    names.put("six.test", *(f"127.0.30.{last}" for last in range(250, 255)), "::1")
    async with (
        web_site(authority.issue("six.test"), address="::1", ports=(0,)) as site,
        web_client(names, authority.ca_file) as client,
    ):
        url = f"https://six.test:{site.ports[0]}/"
        site.pages[url] = respond(b"six")
        assert isinstance(await client.fetch(url, is_configured=True), Page)


async def test_no_more_than_four_addresses_are_tried(here: World) -> None:
    here.names.put(HOST, *(f"127.0.30.{last}" for last in range(251, 255)), here.site.address)
    failure = await failure_of(here.client, PAGE)
    assert failure.fault is Fault.CONNECT
    assert failure.detail.startswith("no connection to 127.0.30.254:")


async def test_redirects_are_followed_to_the_third(here: World) -> None:
    for number in range(5):
        here.site.pages[f"{PAGE}{number}"] = redirect(f"page{number + 1}", 301 + (number % 2))
    here.site.pages[f"{PAGE}5"] = respond(b"end")
    assert isinstance(await here.client.fetch(f"{PAGE}2"), Page)
    failure = await failure_of(here.client, f"{PAGE}1")
    assert failure.fault is Fault.REDIRECT
    assert failure.location == f"{PAGE}5"
    assert (await failure_of(here.client, f"{PAGE}0", redirects=99)).location == f"{PAGE}4"
    assert (await failure_of(here.client, f"{PAGE}4", redirects=0)).location == f"{PAGE}5"


async def test_a_redirect_loop_ends(here: World) -> None:
    here.site.pages[PAGE] = redirect(PAGE)
    assert (await failure_of(here.client, PAGE)).fault is Fault.REDIRECT
    assert here.site.asked == [PAGE] * 4


async def test_http_may_lead_to_https_but_counts_as_insecure(here: World) -> None:
    here.site.pages[f"http://{HOST}/page"] = redirect(PAGE)
    here.site.pages[PAGE] = respond(b"x")
    assert await here.client.fetch(f"http://{HOST}/page") == Page(PAGE, b"x", "", is_secure=False)


def test_a_bad_ca_file_is_refused_at_once(tmp_path: Path) -> None:
    bad = tmp_path / "ca.pem"
    bad.write_text("no certificate\n", "utf-8")
    for path in (bad, tmp_path / "missing.pem"):
        with pytest.raises(ValueError, match="no usable CA certificates in PEM form"):
            WebClient(Names(), allow_private=False, ca_file=path)


async def test_a_page_may_be_as_large_as_the_limit(here: World) -> None:
    here.site.pages[PAGE] = respond(b"x" * MAX_PAGE)
    assert isinstance(await here.client.fetch(PAGE), Page)


async def test_nothing_is_asked_before_the_first_fetch() -> None:
    names = Names()
    client = WebClient(names, allow_private=False, clock=Clock())
    await client.close()
    assert not names.asked
