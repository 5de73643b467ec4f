import gzip
from dataclasses import replace

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from structlog.testing import capture_logs

from scanner.model import Reason
from scanner.web import ReloadOutcome
from scanner.web.shield import SECURITY_HEADERS
from tests.web.samples import FINDINGS
from tests.web.service import FakeService

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
STYLE = "/static/mailport.css"
API_ROUTES = ("/api/v1/events", "/api/v1/incidents")
GET_ROUTES = (
    "/",
    "/docs",
    "/openapi.json",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/config",
    STYLE,
    *API_ROUTES,
)
OTHER_ROUTES = ("/nothing", "/-/reload", "/static/nothing", "/static/../app.py")


async def test_prometheus_gets_openmetrics(site: aiohttp.ClientSession) -> None:
    async with site.get("/metrics", headers={"Accept": PROMETHEUS}) as answer:
        text = await answer.text()

    assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    names = {family.name for family in read_openmetrics(text)}
    assert {"mailport_endpoint_state", "mailport_probes", "process_open_fds"} <= names


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "text/html,*/*;q=0.8"])
async def test_others_get_plain_text(site: aiohttp.ClientSession, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    async with site.get("/metrics", headers=headers) as answer:
        text = await answer.text()

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Content-Encoding" not in answer.headers
    assert "mailport_endpoint_state" in {family.name for family in read_text(text)}


async def test_the_scrape_is_compressed_when_the_client_takes_it(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    async with site.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
        body = await answer.read()

    assert answer.headers["Content-Encoding"] == "gzip"
    plain = gzip.decompress(body)
    assert len(body) < len(plain) / 5
    endpoint_series = plain[: plain.index(b"# HELP mailport_probes_total")]
    assert service.exposition.render(openmetrics=False).startswith(endpoint_series)


async def test_small_scrapes_are_compressed_too(site: aiohttp.ClientSession, service: FakeService) -> None:
    for observation in service.seen:
        service.exposition.remove(observation.endpoint.key)

    async with site.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
        assert b"mailport_probes_total" in gzip.decompress(await answer.read())


async def test_healthy_says_so_even_before_the_first_pass(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.is_ready = False

    async with site.get("/-/healthy") as answer:
        assert (answer.status, await answer.text()) == (200, "mailport is healthy.\n")


async def test_ready_is_503_until_the_first_pass_is_done(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.is_ready, service.endpoints_done = False, 3
    async with site.get("/-/ready") as answer:
        assert answer.status == 503
        assert "3 of 25 endpoints probed" in await answer.text()

    service.is_ready = True

    async with site.get("/-/ready") as answer:
        assert (answer.status, await answer.text()) == (200, "mailport is ready.\n")


async def test_a_first_pass_that_found_nothing_since_name_servers_fail_says_so(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.endpoints_total = service.endpoints_done = 0
    service.found = [replace(FINDINGS[0], reason=Reason.DNS_FAILURE)] * 2
    async with site.get("/-/ready") as answer:
        assert answer.status == 200
        assert "nothing to probe: 2 names could not be looked up" in await answer.text()

    for total, reason in ((0, Reason.NULL_MX), (1, Reason.DNS_FAILURE)):
        service.endpoints_total = total
        service.found = [replace(FINDINGS[0], reason=reason)]
        async with site.get("/-/ready") as answer:
            assert await answer.text() == "mailport is ready.\n"


async def test_reload_asks_the_service(site: aiohttp.ClientSession, service: FakeService) -> None:
    async with site.post("/-/reload") as answer:
        assert (answer.status, await answer.text()) == (200, "The configuration was loaded.\n")

    assert service.reloads == 1


async def test_a_failed_reload_names_every_problem_on_a_line(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.outcome = ReloadOutcome(ok=False, problems=("mailport.yml:3: unknown key prots", "second"))

    async with site.post("/-/reload") as answer:
        lines = (await answer.text()).splitlines()

    assert answer.status == 500
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert lines[1:] == ["mailport.yml:3: unknown key prots", "second"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_reload_takes_post_only(site: aiohttp.ClientSession, service: FakeService, method: str) -> None:
    async with site.request(method, "/-/reload") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")

    assert service.reloads == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[broken"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_another_site_may_not_reload(
    site: aiohttp.ClientSession, service: FakeService, headers: dict[str, str]
) -> None:
    async with site.post("/-/reload", headers=headers) as answer:
        assert answer.status == 403
        assert "another site" in await answer.text()

    assert service.reloads == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind-a-proxy.example"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://mailport.example:9587", "Host": "mailport.example:9587"},
    ],
)
async def test_the_own_site_may_reload(site: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    async with site.post("/-/reload", headers=headers) as answer:
        assert answer.status == 200


async def test_config_is_shown_as_the_service_masked_it(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    async with site.get("/config") as answer:
        assert await answer.text() == service.settings
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", GET_ROUTES)
async def test_head_answers_as_get_without_a_body(site: aiohttp.ClientSession, path: str) -> None:
    async with site.get(path) as got:
        await got.read()
    async with site.head(path) as answer:
        assert await answer.read() == b""

    assert (answer.status, got.status) == (200, 200)
    assert answer.headers["Content-Type"] == got.headers["Content-Type"]
    assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", [*GET_ROUTES, *OTHER_ROUTES])
async def test_every_answer_has_the_security_headers(site: aiohttp.ClientSession, path: str) -> None:
    async with site.get(path) as answer:
        # What has an ETag may be kept and must be asked for again; all else is not to be kept.
        kept = {"Cache-Control": "private, no-cache"} if "ETag" in answer.headers else {}
        if path.startswith("/static"):
            kept = {"Cache-Control": SECURITY_HEADERS["Cache-Control"]}
        wanted = SECURITY_HEADERS | kept
        assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == wanted
        assert "Server" not in answer.headers


@pytest.mark.parametrize("path", ["/nothing", "/static/nothing", "/static/%2e%2e/app.py", "/metrics/"])
async def test_an_unknown_page_is_a_plain_404(site: aiohttp.ClientSession, path: str) -> None:
    async with site.get(path, allow_redirects=False) as answer:
        text = await answer.text()

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.startswith("404 Not Found: ")
    assert text.count("\n") == 1


async def test_our_own_fault_is_a_plain_500_without_a_traceback(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    def fail() -> str:
        raise RuntimeError("the secret of the house")

    service.masked_settings = fail  # type: ignore[method-assign]

    with capture_logs() as logged:
        async with site.get("/config") as answer:
            text = await answer.text()

    assert answer.status == 500
    assert text == "500 Internal Server Error: a fault in mailport itself; its log says more.\n"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert [(entry["event"], entry["path"], entry["exc_info"]) for entry in logged] == [
        ("web_request_failed", "/config", True)
    ]
