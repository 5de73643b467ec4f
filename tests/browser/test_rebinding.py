"""A stranger's page in a real browser, whose name leads to mailport: it reads nothing, whatever it sends."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import NAME, STRANGER, Site, site_of

ASK = """async ([path, headers]) => {
    const answer = await fetch(path, {headers, credentials: "omit", referrerPolicy: "no-referrer"});
    return [answer.status, await answer.text()];
}"""
DISGUISES: tuple[dict[str, str], ...] = (
    {},
    {"Accept-Language": "", "Accept": "text/plain;version=0.0.4"},
    {"User-Agent": "Prometheus/3.1", "X-Prometheus-Scrape-Timeout-Seconds": "10"},
)


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A mailport whose operator has said nothing of names."""
    with site_of(tmp_path_factory.mktemp("unnamed"), {"web": {}}) as site:
        yield site


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=healthy.mail.test:25&debug=true", "/api/v1/sd"])
def test_a_page_that_rebinds_its_name_reads_no_scrape(path: str, unnamed: Site, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    # Health is answered by any name: so the browser holds us for the stranger's own server.
    page.goto(unnamed.url.replace(NAME, STRANGER) + "/-/healthy")
    for headers in DISGUISES:
        status, text = page.evaluate(ASK, [path, headers])
        assert status == 421, headers
        assert "healthy.mail.test" not in text
    context.close()
