"""By which names a service without passwords answers, so that no stranger's page can use it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.config import ConfigError
from scanner.config.load import parse_settings
from scanner.service.parts import build_parts
from scanner.service.web_terms import WebTerms, find_names
from scanner.web import Guard, Names, bind, create_app, serve_http
from scanner.web.hosts import is_host_accepted
from scanner.web.tls_context import read_own_names
from tests.servers.certificates import create_authority
from tests.web.service import FakeService
from tests.web.test_web_config_served import HASH, PASSWORD, sign_in, write

OURS = (
    "192.0.2.7",
    "192.0.2.7:9587",
    "[2001:db8::7]:9587",
    "[::1]",
    "[fe80::1%25eth0]:9587",
    "[fe80::1%eth0.7]",
    "localhost",
    "LOCALHOST:9587",
    "localhost.",
    "mailport:9587",
    "mailport.monitoring.svc:9587",
    "mailport.monitoring.svc.cluster.local:9587",
    "ip-192-0-2-7.eu-west-1.compute.internal",
    "status.example.org",
    "status.example.org.:443",
    "Status.Example.Org",
    "a.below.example.net",
)
STRANGERS = (
    "evil.example",
    "evil.example:9587",
    "status.example.org.evil.example",
    "notbelow.example.net",
    "below.example.net.evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.0.0.1@evil.example",
    "evil.example@127.0.0.1",
    "[evil.example]",
    "[evil.example%25eth0]",
    "[fe80::1%25evil.example",
    "[fe80::1%]",
    "[fe80::1%25a b]",
    "evil.example%25eth0",
    "fe80::1%25eth0",
    "svc.evil.example",
    "evil.example#localhost",
    "evil.example localhost",
    "",
    ":9587",
    "a." * 400 + "localhost",
)
ALLOWED = ("status.example.org", ".below.example.net")


@pytest.mark.parametrize("host", OURS)
def test_a_name_of_ours_is_answered(host: str) -> None:
    assert is_host_accepted("/", [host], ALLOWED, ())


@pytest.mark.parametrize("host", STRANGERS)
def test_a_strange_name_is_not(host: str) -> None:
    assert not is_host_accepted("/", [host], ALLOWED, ())
    assert not is_host_accepted("/", ["localhost", host], ALLOWED, ())
    assert not is_host_accepted("/metrics", [host], ALLOWED, ())


def test_what_is_ours_by_certificate_machine_or_address_needs_no_word() -> None:
    assert is_host_accepted("/", ["mx.example.org:9587"], (), ["mx.example.org"])
    assert not is_host_accepted("/", ["mx.example.org:9587"], (), ["mx.example.com"])


def test_a_program_without_a_host_header_is_let_through() -> None:
    assert is_host_accepted("/", [], (), ())


@pytest.mark.parametrize(
    ("path", "unnamed", "named"),
    [
        ("/", False, False),
        ("/config", False, False),
        ("/api/v1/endpoints", False, False),
        ("/-/reload", False, False),
        ("/metrics/", False, False),
        ("/metrics", True, False),
        ("/probe", True, False),
        ("/-/healthy", True, True),
        ("/-/ready", True, True),
    ],
)
def test_scrapes_are_answered_by_any_name_until_names_are_told(path: str, unnamed: bool, named: bool) -> None:
    strange = ["prometheus-calls-it.example.com:9587"]
    assert is_host_accepted(path, strange, (), ()) is unnamed
    assert is_host_accepted(path, strange, ["status.example.org"], ()) is named
    assert is_host_accepted(path, strange, ["*"], ())
    # A browser by a strange name may be reading the page of a stranger, whatever it asks for.
    assert is_host_accepted(path, strange, (), (), is_browser=True) is (unnamed and named)
    assert is_host_accepted(path, ["192.0.2.7:9587"], (), (), is_browser=True)
    assert is_host_accepted(path, strange, ["*"], (), is_browser=True)


@given(st.text(max_size=80), st.sampled_from(["", ".", ":80", ":", ".:9587"]))
def test_nothing_before_a_strangers_domain_makes_it_ours(text: str, end: str) -> None:
    assert not is_host_accepted("/", [f"{text}.evil.example{end}"], ALLOWED, ())


@given(st.text(max_size=80))
def test_an_accepted_name_has_the_form_of_one(text: str) -> None:
    if is_host_accepted("/", [text], ALLOWED, ()):
        assert text.isascii()
        text = text.replace("%", "", 1) if text.startswith("[") else text  # the zone of an address
        assert not set(text) & set(" /\\@?#%<>\"'")


Ask = Callable[..., contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]]


@contextlib.asynccontextmanager
async def serving(names: Names, terms: WebTerms) -> AsyncIterator[Ask]:
    """A served service; what is returned asks it for something by a name."""
    service = FakeService()
    sock = bind("127.0.0.1:0")
    app = Guard(create_app(service), terms.find, lambda: names)
    async with (
        serve_http(app, sock, grace=1, find_terms=terms.find),
        aiohttp.ClientSession(f"http://127.0.0.1:{sock.getsockname()[1]}") as session,
    ):

        def ask(
            host: str, path: str = "/", method: str = "GET", **more: str
        ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
            return session.request(method, path, headers={"Host": host, **more})

        yield ask
        assert service.reloads == 0


async def test_a_strange_page_learns_and_changes_nothing() -> None:
    async with serving(Names(), WebTerms(None)) as ask:
        async with ask("evil.example:9587") as answer:
            text = await answer.text()
            assert answer.status == 421
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "evil.example" in text
            assert "web.hosts" in text
            assert "mail" not in text.replace("mailport", "")
        same_origin = {"Origin": "http://evil.example:9587", "Sec-Fetch-Site": "same-origin"}
        async with ask("evil.example:9587", "/-/reload", "POST", **same_origin) as answer:
            assert answer.status == 421
        for path in ("/config", "/api/v1/endpoints", "/api/v1/events/stream", "/docs"):
            async with ask("evil.example", path) as answer:
                assert answer.status == 421, path
        for host, path in (("evil.example", "/metrics"), ("localhost", "/"), ("mailport:9587", "/")):
            async with ask(host, path) as answer:
                assert answer.status == 200, (host, path)


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=mx.example.org:25&debug=true", "/api/v1/sd"])
async def test_a_scraper_is_told_by_any_name_and_a_browser_is_not(path: str) -> None:
    async with serving(Names(), WebTerms(None)) as ask:
        for header in ("Accept-Language", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode"):
            async with ask("evil.example:9587", path, **{header: ""}) as answer:
                assert answer.status == 421
                assert "web.hosts" in await answer.text()
            async with ask("127.0.0.1:9587", path, **{header: "de"}) as answer:
                assert answer.status != 421
        # As Prometheus asks.
        scrape = {"User-Agent": "Prometheus/3.1", "X-Prometheus-Scrape-Timeout-Seconds": "10"}
        async with ask("prometheus-calls-it.example:9587", path, **scrape) as answer:
            assert answer.status != 421


async def ask_raw(port: int, target: str, host: str) -> tuple[int, str]:
    """Send a request whose target is just this; return the status and the rest of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(30):
            answer = (await reader.read()).decode()
    finally:
        writer.close()
    return int(answer.split(" ", 2)[1]), answer


async def test_a_whole_address_is_a_target_and_its_name_counts() -> None:
    """RFC 9112 section 3.2.2: it is taken, and what the Host header says beside it is not."""
    sock = bind("127.0.0.1:0")
    port = sock.getsockname()[1]
    terms = WebTerms(None)
    app = Guard(create_app(FakeService()), terms.find, Names)
    async with serve_http(app, sock, grace=1, find_terms=terms.find):
        for target, host, status in (
            (f"http://localhost:{port}/", f"localhost:{port}", 200),
            (f"http://localhost:{port}", "localhost", 200),
            ("HTTP://LOCALHOST/-/healthy", "evil.example", 200),
            (f"http://127.0.0.1:{port}/api/v1/endpoints?limit=1", "evil.example", 200),
            (f"https://[::1]:{port}/metrics", "localhost", 200),
            ("http://evil.example/", "localhost", 421),
            (f"http://evil.example:{port}/api/v1/endpoints", "127.0.0.1", 421),
            ("http://localhost@evil.example/", "localhost", 421),
            ("http:///", "localhost", 421),
            ("http://localhost/nowhere", "localhost", 404),
            ("/http://localhost/", "localhost", 404),
            ("ftp://localhost/", "localhost", 404),
        ):
            found, answer = await ask_raw(port, target, host)
            assert found == status, (target, host, answer)
        _, answer = await ask_raw(port, "http://evil.example/", "localhost")
        assert 'by the name "evil.example"' in answer


async def test_a_whole_address_asks_for_the_password_as_any_other_does(tmp_path: Path) -> None:
    sock = bind("127.0.0.1:0")
    port = sock.getsockname()[1]
    terms = WebTerms(write(tmp_path, {"basic_auth_users": {"a": HASH}}))
    app = Guard(create_app(FakeService()), terms.find, Names)
    async with serve_http(app, sock, grace=1, find_terms=terms.find):
        for path in ("/", "/metrics", "/-/healthy"):
            plain = await ask_raw(port, path, "localhost")
            assert (await ask_raw(port, f"http://localhost:{port}{path}", "localhost"))[0] == plain[0] == 401


async def test_the_name_is_shown_harmlessly() -> None:
    async with serving(Names(), WebTerms(None)) as ask, ask("<script>alert(1)</script>" * 9) as answer:
        assert answer.status == 421
        assert answer.content_type == "text/plain"
        assert len(await answer.text()) < 400


async def test_who_knows_the_password_may_call_it_anything(tmp_path: Path) -> None:
    terms = WebTerms(write(tmp_path, {"basic_auth_users": {"a": HASH}}))
    async with serving(Names(), terms) as ask:
        async with ask("status.example.org") as answer:
            assert answer.status == 401
        async with ask("status.example.org", **sign_in(("a", PASSWORD))) as answer:
            assert answer.status == 200


async def test_names_follow_the_settings(tmp_path: Path) -> None:
    web = "{listen: 'mail.example.com:9587', hosts: [Status.Example.ORG, '*.below.test']}"
    text = f"targets: [example.org]\nweb: {web}\nprobe: {{ehlo_name: Scanner.example.net}}"
    settings = parse_settings(text, source="mailport.yml", base=tmp_path, environ={})
    names = find_names(settings, build_parts(settings))
    assert names.allowed == ("status.example.org", ".below.test")
    async with serving(names, WebTerms(None)) as ask:
        for host, status in (
            ("status.example.org", 200),
            ("x.below.test:1", 200),
            ("mail.example.com", 200),
            ("scanner.example.net:9587", 200),
            ("evil.example", 421),
        ):
            async with ask(host) as answer:
                assert answer.status == status, host


@pytest.mark.parametrize("hosts", [["a b"], ["http://a.example"], ["a.example:9587"], [""], [7], "a.example"])
def test_a_bad_name_is_told_with_its_place(tmp_path: Path, hosts: Sequence[object] | str) -> None:
    with pytest.raises(ConfigError, match=r"web\.hosts"):
        parse_settings(
            f"targets: [example.org]\nweb: {{hosts: {hosts!r}}}", source="m.yml", base=tmp_path, environ={}
        )


def test_the_names_of_our_certificate_are_read(tmp_path: Path) -> None:
    leaf = create_authority(tmp_path).issue("*.example.org", addresses=["127.0.0.1"])
    assert read_own_names(leaf.certificate_file) == {".example.org"}
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert read_own_names(broken) == frozenset()
