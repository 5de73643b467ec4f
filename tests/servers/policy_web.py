"""A real web server on the ports 443 and 80: MTA-STS policies, autoconfiguration, ISPDB, Autodiscover."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pytest
from aiohttp import web

from tests.servers import zone_names
from tests.servers.certificates import Leaf
from tests.servers.sites import Sites

START_SECONDS = 10.0
HUGE_BYTES = 10 * 1024 * 1024
STS_PATH = "/.well-known/mta-sts.txt"
CONFIG_PATH = "/mail/config-v1.1.xml"
WELL_KNOWN_PATH = "/.well-known/autoconfig/mail/config-v1.1.xml"
AUTODISCOVER_PATH = "/autodiscover/autodiscover.xml"


@dataclass(frozen=True, slots=True)
class Page:
    """What the server gives for one URL."""

    body: bytes
    content_type: str = "text/plain"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came in."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PolicyWeb:
    """The running server. A test may put pages of its own into `pages`, by URL, and take them out again."""

    address: str
    pages: dict[str, Page]
    requests: list[Request]

    def urls(self) -> list[str]:
        """Return the URLs asked for so far, in order."""
        return [request.url for request in self.requests]


def policy(mode: str, *mx: str, max_age: int = 86400) -> Page:
    """Return an MTA-STS policy (RFC 8461 section 3.2) as a page."""
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {name}" for name in mx), f"max_age: {max_age}", ""]
    return Page("\r\n".join(lines).encode("ascii"))


def client_config(domain: str, host: str) -> Page:
    """Return an autoconfiguration file that names one host for IMAP, POP3 and submission."""
    servers = [("incoming", "imap", 993, "SSL"), ("incoming", "pop3", 995, "SSL")]
    servers += [("outgoing", "smtp", 465, "SSL"), ("outgoing", "smtp", 587, "STARTTLS")]
    parts = [
        f'<{way}Server type="{kind}"><hostname>{host}</hostname><port>{port}</port>'
        f"<socketType>{socket}</socketType><username>%EMAILADDRESS%</username>"
        f"<authentication>password-cleartext</authentication></{way}Server>"
        for way, kind, port, socket in servers
    ]
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<clientConfig version="1.1"><emailProvider id="{domain}"><domain>{domain}</domain>'
        f"{''.join(parts)}</emailProvider></clientConfig>\n"
    )
    return Page(body.encode("ascii"), "text/xml")


def _policy_pages() -> dict[str, Page]:
    """The policy of each domain of STS_HOST; `sts-404` has none."""
    enforced = {domain: policy("enforce", host) for domain, host in zone_names.STS_HOST.items()}
    html = Page(enforced["sts-html.plain.test"].body, "text/html")
    elsewhere = {"Location": f"https://mta-sts.sts-enforce.plain.test{STS_PATH}"}
    pages = enforced | {
        "sts-testing.plain.test": policy("testing", "mx.plain.test"),
        "sts-none.plain.test": policy("none"),
        "sts-wildcard.plain.test": policy("enforce", "*.plain.test", "*.mail.invalid"),
        "sts-mismatch.plain.test": policy("enforce", "mx.elsewhere.test"),
        "sts-garbage.plain.test": Page(b"version: STSv1\nmode: always\nmax_age: soon\n"),
        "sts-redirect.plain.test": Page(b"", status=301, headers=elsewhere),
        "sts-huge.plain.test": Page(b"x" * HUGE_BYTES),
        "sts-html.plain.test": html,
    }
    del pages["sts-404.plain.test"]
    return {f"https://mta-sts.{domain}{STS_PATH}": page for domain, page in pages.items()}


def _configuration_pages() -> dict[str, Page]:
    host = "mail.complete.plain.test"
    broken = Page(b"<clientConfig><emailProvider>", "text/xml")
    return {
        f"https://autoconfig.auto.plain.test{CONFIG_PATH}": client_config("auto.plain.test", host),
        f"https://auto-well-known.plain.test{WELL_KNOWN_PATH}": client_config(
            "auto-well-known.plain.test", host
        ),
        f"http://autoconfig.auto-http.plain.test{CONFIG_PATH}": client_config("auto-http.plain.test", host),
        f"https://autoconfig.auto-broken.plain.test{CONFIG_PATH}": broken,
        f"https://{zone_names.ISPDB_HOST}/v1.1/listed.plain.test": client_config("listed.plain.test", host),
    }


def _exchange_pages() -> dict[str, Page]:
    sign_in = {"WWW-Authenticate": 'Basic realm="autodiscover.exchange.plain.test"'}
    moved = {"Location": "https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml"}
    return {
        f"https://autodiscover.exchange.plain.test{AUTODISCOVER_PATH}": Page(
            b"", status=401, headers=sign_in
        ),
        f"https://autodiscover.exchange-moved.plain.test{AUTODISCOVER_PATH}": Page(
            b"", status=302, headers=moved
        ),
    }


def make_pages() -> dict[str, Page]:
    """Return all pages by URL; every other URL is a 404."""
    return {**_policy_pages(), **_configuration_pages(), **_exchange_pages()}


def _context(leaf: Leaf) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate_file, leaf.key_file)
    return context


def _context_by_name(usual: Leaf, special: Mapping[str, Leaf]) -> ssl.SSLContext:
    """Show a special certificate to those who ask for its host by SNI, the usual one to all others."""
    contexts = {name: _context(leaf) for name, leaf in special.items()}
    main = _context(usual)

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = contexts.get(name or "", main)

    main.sni_callback = choose
    return main


def _application(pages: Mapping[str, Page], requests: list[Request]) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        host = request.host.partition(":")[0].lower()
        url = f"{request.scheme}://{host}{request.path_qs}"
        requests.append(Request(request.method, url, dict(request.headers)))
        page = pages.get(url, Page(b"not here\n", status=404))
        return web.Response(
            body=page.body, status=page.status, content_type=page.content_type, headers=page.headers
        )

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    return application


async def _serve(
    application: web.Application, address: str, context: ssl.SSLContext, is_up: threading.Event
) -> None:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, 443, ssl_context=context).start()
        await web.TCPSite(runner, address, 80).start()
        is_up.set()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def run_policy_web(address: str, pages: dict[str, Page], context: ssl.SSLContext) -> Iterator[PolicyWeb]:
    """Serve pages in a thread with a loop of its own, until the block ends."""
    requests: list[Request] = []
    failures: list[BaseException] = []
    is_up = threading.Event()
    loop = asyncio.new_event_loop()
    serving = loop.create_task(_serve(_application(pages, requests), address, context, is_up))

    def run() -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(serving)
        except OSError as error:
            failures.append(error)
            is_up.set()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=run, name="policy-web")
    thread.start()
    try:
        if not is_up.wait(START_SECONDS) or failures:
            raise RuntimeError(f"no web server on {address}: {failures or f'not up in {START_SECONDS} s'}")
        yield PolicyWeb(address, pages, requests)
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(serving.cancel)
        thread.join()


@pytest.fixture(scope="session")
def policy_web(sites: Sites) -> Iterator[PolicyWeb]:
    """The web server that the zones' `mta-sts`, `autoconfig`, `autodiscover` and `ispdb` hosts point at."""
    context = _context_by_name(sites.web_leaf, {zone_names.EXPIRED_WEB_HOST: sites.web_expired_leaf})
    with run_policy_web(sites.web, make_pages(), context) as server:
        yield server
