"""A reader finds out what is wrong, since when and what to do; with a mouse, the keys alone, or no script."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from scanner.demo import rows_of, smtp
from scanner.demo.smtp import Smtp
from tests.browser.conftest import NAME, ROWS, STRANGER, Site
from tests.cli.command import SECONDS
from tests.servers.process import wait_until

HONEST = Smtp(after=smtp.SIGN_IN)
STRIPPING = Smtp(before=smtp.BASIC, after=smtp.SIGN_IN)
(SUBMISSION,) = [row for row in rows_of("healthy") if row.port == 587]
OVERFULL = """() => [...document.querySelectorAll(".tile")]
    .filter(one => one.scrollHeight > one.clientHeight + 2 || one.scrollWidth > one.clientWidth + 2)
    .filter(one => !one.querySelector(".hidden"))
    .map(one => one.outerHTML)"""
"""Tiles whose text does not fit; hidden words in one reach beyond it on purpose."""
SERIOUS = {"serious", "critical"}


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=f"{name}.mail.test"))


def tile(page: Page, name: str, port: int) -> Locator:
    return row(page, name).locator(f"a.tile[href*='~{port}~']")


def open_endpoint(page: Page, name: str, port: int) -> None:
    tile(page, name, port).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{name}.mail.test:{port}")


def test_a_reader_filters_and_opens_a_domain_and_an_endpoint(page: Page) -> None:
    page.get_by_label("State").select_option("blocked")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"[?&]state=blocked"))
    expect(page.locator("table.matrix tbody tr")).to_have_count(1)

    page.get_by_role("rowheader", name="blocked.mail.test").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("blocked.mail.test")
    expect(page.get_by_text("Packets to port 25 vanish").first).to_be_visible()

    page.locator("#port-587").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("blocked.mail.test:587")
    expect(page.get_by_role("heading", name="Where the time went")).to_be_visible()
    plot = page.get_by_role("img", name=re.compile("Duration of [0-9]+ probes"))
    # It begins with the second probe, and the page is told of changes only.
    assert wait_until(lambda: page.reload() is not None and plot.is_visible(), SECONDS)


def test_a_newcomer_reads_which_server_is_downgraded_and_why(page: Page) -> None:
    page.get_by_role("link", name="downgraded").first.click()

    shown = page.get_by_role("rowheader").all_inner_texts()
    assert shown == ["starttls-injected.mail.test"]
    open_endpoint(page, "starttls-injected", 587)
    expect(page.locator(".verdict").first).to_contain_text("came 38 more bytes in clear")
    expect(page.locator(".verdict").first).to_contain_text("What to do")


@pytest.fixture
def stripping(site: Site) -> Iterator[Site]:
    """A site whose healthy server strips STARTTLS once `start_stripping` is called, and is mended after."""
    yield site
    change(site, HONEST)


def change(site: Site, behaviour: Smtp) -> None:
    site.farm.loop.call_soon_threadsafe(site.farm.farm.change, SUBMISSION, behaviour)


def test_a_change_is_seen_live(page: Page, stripping: Site) -> None:
    place = tile(page, "healthy", 587)
    expect(place).to_contain_text("open, level 4 of 5")
    expect(page.locator("[data-live-note]")).to_be_visible()
    page.evaluate("window.isSamePage = true")
    place.focus()

    change(stripping, STRIPPING)

    expect(place).to_contain_text("level 1 of 5, plaintext only, downgraded, STARTTLS missing")
    expect(row(page, "healthy")).to_contain_text("587 STARTTLS missing")
    expect(page.get_by_role("listitem").filter(has_text="healthy.mail.test:587")).to_be_visible()
    assert page.evaluate("window.isSamePage")
    assert page.evaluate("document.activeElement.getAttribute('href')") == place.get_attribute("href")

    change(stripping, HONEST)
    expect(place).to_contain_text("open, level 4 of 5")


def test_probe_now_shows_the_dialogue_as_it_happened(page: Page) -> None:
    open_endpoint(page, "healthy", 25)
    page.get_by_role("button", name="Probe now").click()

    dialogue = page.get_by_label("Dialogue", exact=True)
    expect(dialogue).to_contain_text("S: 220 healthy.mail.test ESMTP Postfix")
    expect(dialogue).to_contain_text("C: STARTTLS")
    expect(dialogue).to_contain_text("TLS stands: TLSv1.3")

    # Asked for again at once it says why not, and the page is there all the same.
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        page.get_by_role("button", name="Probe now").click()
    assert answered.value.status == 429
    expect(page.locator(".notice")).to_contain_text("It was not probed")
    expect(page.get_by_role("heading", name="Where the time went")).to_be_visible()


def test_the_keys_alone_do_everything(page: Page) -> None:
    def press_until(place: Locator, key: str = "Tab") -> None:
        for _ in range(80):
            if place.evaluate("one => one === document.activeElement"):
                return
            page.keyboard.press(key)
        raise AssertionError(f"{key} does not lead to {place}")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    press_until(page.get_by_label("Name or address"))
    page.keyboard.type("banner-odd")
    page.keyboard.press("Enter")
    expect(page.locator("table.matrix tbody tr")).to_have_count(1)
    press_until(row(page, "banner-odd").get_by_role("rowheader").get_by_role("link"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("banner-odd.mail.test")
    press_until(page.locator("#port-143").get_by_role("link"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("banner-odd.mail.test:143")
    press_until(page.get_by_role("button", name="Probe now"))
    outline = page.get_by_role("button", name="Probe now").evaluate(
        "one => getComputedStyle(one).outlineStyle"
    )
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_label("Dialogue", exact=True)).to_contain_text("* OK banner-odd.mail.test")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(browser: Browser, page: Page, site: Site, scheme: str) -> None:
    path = tile(page, "starttls-injected", 587).get_attribute("href")
    context = browser.new_context(base_url=site.url, color_scheme="dark" if scheme == "dark" else "light")
    try:
        look = context.new_page()
        for address in ("/", "/?state=closed", "/domains/blocked.mail.test", path, "/docs"):
            look.goto(str(address))
            look.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
            found = Axe().run(look, options={"resultTypes": ["violations"]}).response["violations"]
            assert [
                (address, each["id"], node["html"])
                for each in found
                if each["impact"] in SERIOUS
                for node in each["nodes"]
            ] == []
    finally:
        context.close()


@pytest.mark.parametrize("width", [375, 1440])
def test_it_fits_and_is_pictured(
    browser: Browser, page: Page, site: Site, artefacts: Path, width: int
) -> None:
    endpoint = tile(page, "starttls-injected", 587).get_attribute("href") or ""
    addresses = {"status": "/", "domain": "/domains/blocked.mail.test", "endpoint": endpoint}
    for scheme in ("light", "dark"):
        context = browser.new_context(
            base_url=site.url,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        try:
            look = context.new_page()
            for name, address in addresses.items():
                look.goto(address)
                assert look.evaluate("document.documentElement.scrollWidth") <= width
                assert look.evaluate(OVERFULL) == []
                look.screenshot(path=artefacts / f"{name}-{width}-{scheme}.png", full_page=True)
        finally:
            context.close()


def test_without_a_script_all_is_there(browser: Browser, page: Page, site: Site) -> None:
    endpoint = tile(page, "healthy", 110).get_attribute("href") or ""
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    try:
        plain = context.new_page()
        plain.goto("/?sort=name")
        expect(plain.get_by_role("rowheader")).to_have_text([f"{name}.mail.test" for name in sorted(ROWS)])
        plain.get_by_role("combobox", name="Port").fill("143")
        plain.get_by_role("button", name="Show").click()
        expect(plain.locator("table.matrix tbody tr")).to_have_count(4)
        plain.goto(endpoint)
        expect(plain.get_by_role("heading", name="Latency over time")).to_be_visible()
        expect(plain.locator("[data-live-note]")).to_be_hidden()
        plain.get_by_role("button", name="Probe now").click()
        expect(plain.get_by_label("Dialogue", exact=True)).to_contain_text("+OK")
    finally:
        context.close()


def test_what_a_hostile_server_says_is_only_shown(page: Page) -> None:
    open_endpoint(page, "banner-odd", 25)

    banner = page.get_by_role("heading", name="Banner", exact=True).locator("xpath=following-sibling::p[1]")
    expect(banner).to_contain_text('"quoted" back\\slash')
    expect(banner).to_contain_text("\\x1b[31mred")
    expect(page.locator("main script")).to_have_count(0)


def test_a_strangers_name_for_this_machine_opens_nothing(browser: Browser, page: Page, site: Site) -> None:
    path = tile(page, "healthy", 25).get_attribute("href")
    context = browser.new_context(base_url=site.url.replace(NAME, STRANGER))
    try:
        strange = context.new_page()
        answer = strange.goto("/-/healthy")
        assert answer is not None
        assert answer.status == 200
        # What a page of the stranger would do: for the browser it is all of one origin.
        statuses = strange.evaluate(
            """async path => {
                const asked = [["GET", "/"], ["GET", path], ["POST", path], ["POST", "/-/reload"]];
                const all = asked.map(([method, each]) => fetch(each, {method}));
                return (await Promise.all(all)).map(answer => answer.status);
            }""",
            path,
        )
        assert statuses == [421] * 4
    finally:
        context.close()
