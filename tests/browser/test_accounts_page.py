"""The page of the accounts in a real browser: found from the status page, read by words, without faults."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROWS, Site, site_of
from tests.cli.command import SECONDS

SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def account_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A mailport with an account whose server listens nowhere, and one whose secret is missing."""
    folder = tmp_path_factory.mktemp("accounts")
    secret = folder / "sales.secret"
    secret.touch(mode=0o600)
    secret.write_text("a password that is never sent")
    shared = {"username": "jane@example.org", "imap": "127.0.0.1:9:ssl"}
    accounts = [
        {"name": "sales", "password_file": str(secret), **shared},
        {"name": "shop", "password_file": str(folder / "none.secret"), **shared},
    ]
    with site_of(folder, {"accounts": accounts}) as site:
        yield site


def test_the_page_of_accounts_follows_what_happens(browser: Browser, tmp_path: Path) -> None:
    shop = {"name": "shop", "username": "jane@example.org", "imap": "127.0.0.1:9:ssl"}
    with site_of(tmp_path, {"accounts": [{**shop, "password_file": str(tmp_path / "none.secret")}]}) as site:
        context = browser.new_context(base_url=site.url)
        context.set_default_timeout(SECONDS * 1000)
        page = context.new_page()
        page.goto("/accounts")
        page.evaluate("document.documentElement.dataset.stayed = 'yes'")
        expect(page.locator("[data-live-note]")).to_be_visible()
        first = page.locator("section", has=page.get_by_role("heading", name="shop"))
        expect(first).to_contain_text("Secret missing")
        file = tmp_path / "mailport.yml"
        settings = json.loads(file.read_text())
        settings["accounts"].append(settings["accounts"][0] | {"name": "late"})
        file.write_text(json.dumps(settings))
        assert page.evaluate("fetch('/-/reload', {method: 'POST'}).then((answer) => answer.status)") == 200
        expect(page.locator("[data-live-text]")).to_contain_text("account late imap")
        expect(page.locator("#live-lead")).to_contain_text("2 checks of accounts fail")
        late = page.locator("section", has=page.get_by_role("heading", name="late"))
        expect(late).to_contain_text("Secret missing")
        assert page.evaluate("document.documentElement.dataset.stayed") == "yes", "it was not loaded again"
        context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (375, "dark")])
def test_a_reader_learns_what_fails_and_what_to_do(
    browser: Browser, account_site: Site, artefacts: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(
        base_url=account_site.url,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    open_when_checked(page)

    link = page.get_by_role("link", name="Accounts")
    expect(page.locator("#live-accounts")).to_contain_text("2 of 2 checks of accounts fail")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 checks of accounts fail")
    sales = page.locator("section", has=page.get_by_role("heading", name="sales"))
    expect(sales).to_contain_text("Sign-in to read (IMAP) fails")
    expect(sales).to_contain_text("Connection refused")
    expect(sales).to_contain_text("What to do")
    shop = page.locator("section", has=page.get_by_role("heading", name="shop"))
    expect(shop).to_contain_text("Secret missing")

    page.screenshot(path=artefacts / f"accounts-{width}-{scheme}.png", full_page=True)
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in SERIOUS] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def open_when_checked(page: Page) -> None:
    """Load the status page until both accounts have been checked."""
    page.goto("/")
    expect(page.locator("table.matrix tbody tr")).to_have_count(len(ROWS))
    expect(page.locator("#live-accounts")).to_contain_text("2 of 2", timeout=SECONDS * 1000)
