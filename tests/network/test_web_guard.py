"""What the web client refuses to ask: private addresses by any road, odd ports, odd schemes, passwords."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Reason
from scanner.model.target import refuse_address
from scanner.network import web
from scanner.network.web import WebClient
from scanner.network.web_answer import Fault, Page, WebFailure
from scanner.network.web_url import UrlError, WebUrl, read_url
from tests.discovery.web_server import Names, Site, redirect, respond, web_client, web_site
from tests.servers.certificates import Authority

HOST = "public.test"
PAGE = f"https://{HOST}/"


@dataclass(frozen=True, slots=True)
class Outside:
    """A site whose address counts as public, in a world where all others are judged as ever."""

    site: Site
    names: Names
    client: WebClient


@pytest.fixture
async def outside(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outside]:
    leaf = authority.issue(HOST, "inside.test")
    names = Names()
    async with (
        web_site(leaf) as site,
        web_client(names, authority.ca_file, allow_private=False) as client,
    ):
        monkeypatch.setattr(
            web, "refuse_address", lambda one: None if one == site.address else refuse_address(one)
        )
        names.put(HOST, site.address)
        yield Outside(site, names, client)


async def failure_of(client: WebClient, url: str, *, is_configured: bool = False) -> WebFailure:
    answer = await client.fetch(url, is_configured=is_configured)
    assert isinstance(answer, WebFailure), answer
    return answer


async def test_a_public_address_is_asked(outside: Outside) -> None:
    outside.site.pages[PAGE] = respond(b"x")
    assert isinstance(await outside.client.fetch(PAGE), Page)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1", "192.168.1.1"],
        ["169.254.169.254"],
        ["::1"],
        ["fe80::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["0.0.0.0"],
    ],
)
async def test_a_name_for_a_private_address_is_refused(outside: Outside, addresses: Sequence[str]) -> None:
    outside.names.put("inside.test", *addresses)
    failure = await failure_of(outside.client, "https://inside.test/")
    assert (failure.fault, failure.reason) == (Fault.REFUSED_ADDRESS, Reason.ADDRESS_NOT_ALLOWED)
    assert f"inside.test is at {addresses[0]}" in failure.detail
    assert "probe.allow_private" in failure.detail


async def test_only_the_public_ones_of_a_mixed_set_are_asked(outside: Outside) -> None:
    outside.names.put("inside.test", "127.0.0.1", "169.254.169.254", outside.site.address)
    outside.site.pages["https://inside.test/"] = respond(b"x")
    assert isinstance(await outside.client.fetch("https://inside.test/"), Page)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a00:1]", "10.1.2.3"],
)
async def test_private_literals_are_refused_directly_and_in_redirects(outside: Outside, host: str) -> None:
    direct = await failure_of(outside.client, f"http://{host}/latest/meta-data/")
    outside.site.pages[f"http://{HOST}/"] = redirect(f"http://{host}/latest/meta-data/")
    after = await failure_of(outside.client, f"http://{HOST}/")
    for failure in (direct, after):
        assert failure.fault is Fault.REFUSED_ADDRESS
    assert after.url == direct.url


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1.", "\uff11\uff12\uff17.0.0.1"]
)
async def test_odd_spellings_of_loopback_are_no_way_in(outside: Outside, host: str) -> None:
    failure = await failure_of(outside.client, f"https://{host}/")
    assert failure.fault in {Fault.MALFORMED, Fault.REFUSED_ADDRESS}
    assert not outside.names.asked


async def test_a_redirect_to_a_name_inside_is_refused(outside: Outside) -> None:
    outside.names.put("inside.test", "10.0.0.1")
    outside.site.pages[PAGE] = redirect("//inside.test/")
    failure = await failure_of(outside.client, PAGE)
    assert (failure.fault, failure.url) == (Fault.REFUSED_ADDRESS, "https://inside.test/")


async def test_rebinding_changes_nothing(outside: Outside) -> None:
    """The name is public when checked and private a moment later: it is looked up once a hop."""
    outside.names.then(HOST, "127.0.0.1")
    outside.site.pages[PAGE] = redirect("/again")
    failure = await failure_of(outside.client, PAGE)
    assert [(one.url, one.address) for one in outside.site.requests] == [(PAGE, outside.site.address)]
    assert (failure.fault, failure.url) == (Fault.REFUSED_ADDRESS, f"{PAGE}again")
    assert outside.names.asked == [HOST, HOST]


@pytest.mark.parametrize(
    ("location", "says"),
    [
        (f"http://{HOST}/", "a redirect from https to"),
        ("ftp://public.test/", "neither https nor http"),
        ("file:///etc/passwd", "neither https nor http"),
        ("gopher://127.0.0.1:25/_HELO", "neither https nor http"),
        ("https://me:secret@public.test/", "holds a user or a password"),
        ("https://public.test@127.0.0.1/", "holds a user or a password"),
        ("https://public.test:99999/", "cannot be read"),
        ("https://public.test:0/", "its port is 0"),
        ("https://[::1/", "cannot be read"),
        ("https://a b/", "there is a space"),
        ("https://127.0.0.1\\@public.test/", "backslash"),
        ("https://pub\u00adlic..test/", "its host is none"),
        ("/" + "x" * 3000, "longer than 2048"),
    ],
)
async def test_odd_redirects_are_not_followed(outside: Outside, location: str, says: str) -> None:
    outside.site.pages[PAGE] = redirect(location)
    failure = await failure_of(outside.client, PAGE)
    assert (failure.fault, failure.status) == (Fault.REDIRECT, 302)
    assert says in failure.detail
    assert outside.site.asked == [PAGE]


async def test_a_redirect_without_a_location_is_told(outside: Outside) -> None:
    outside.site.pages[PAGE] = respond(status=302)
    assert (await failure_of(outside.client, PAGE)).detail == "a redirect without a Location header"


async def test_only_the_web_ports_are_asked(outside: Outside) -> None:
    outside.site.pages[PAGE] = redirect(f"https://{HOST}:22/")
    for url in (f"https://{HOST}:25/", PAGE):
        failure = await failure_of(outside.client, url)
        assert failure.detail.endswith("is neither 80 nor 443")


async def test_a_port_of_the_settings_holds_for_its_own_host_only(
    outside: Outside, authority: Authority
) -> None:
    async with web_site(authority.issue(HOST), address=outside.site.address, ports=(8444,)) as odd:
        url = f"https://{HOST}:8444/"
        odd.pages[url] = redirect("/next")
        odd.pages[f"{url}next"] = redirect("https://inside.test:8444/")
        outside.names.put("inside.test", outside.site.address)
        failure = await failure_of(outside.client, url, is_configured=True)
        assert odd.asked == [url, f"{url}next"]
    assert failure.detail == "port 8444 is neither 80 nor 443"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "https://",
        "https:///x",
        "ftp://public.test/",
        "https://u:p@public.test/",
        "https://a b/",
        "https://é\ud800/",
    ],
)
async def test_a_bad_address_of_our_own_is_told_and_not_raised(outside: Outside, url: str) -> None:
    failure = await failure_of(outside.client, url)
    assert failure.fault is Fault.MALFORMED
    assert "is not fetched" in failure.detail
    assert not outside.names.asked


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("HTTPS://Example.ORG:443", "https://example.org/"),
        ("http://example.org.:8080/a?b=c#d", "http://example.org:8080/a?b=c"),
        ("https://bücher.example/ü?q=ü", "https://xn--bcher-kva.example/%C3%BC?q=%C3%BC"),
        ("https://[2001:DB8:0::1]:8443/%20", "https://[2001:db8::1]:8443/%20"),
    ],
)
def test_an_address_has_one_spelling(text: str, spelt: str) -> None:
    assert str(read_url(text)) == spelt
    assert read_url(spelt) == read_url(text)


@pytest.mark.parametrize(
    "location", ["/a\tb", "/a\nb", " /a", "https://x.test/\r\nHost: y", "/\u200b", "\x01/a"]
)
def test_what_parsers_would_strip_is_refused(location: str) -> None:
    with pytest.raises(UrlError, match="a space, a control character or a backslash"):
        WebUrl("https", HOST, 443, "/").follow(location)


@given(st.one_of(st.text(), st.from_regex(r"(https?:)?/{0,3}[a-z0-9.@:\[\]%\\-]{0,20}[/?#]?.{0,9}")))
def test_any_location_is_read_or_refused(text: str) -> None:
    try:
        found = WebUrl("https", HOST, 443, "/a/b?c").follow(text)
    except UrlError:
        return
    assert str(found).isascii()
    assert "@" not in found.authority
    assert read_url(str(found)) == found
