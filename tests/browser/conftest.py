"""A real browser over the pages of a real mailport, which watches a farm of mail servers on loopback."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.cli.command import SECONDS, started
from tests.cli.running_farm import RunningFarm, open_rows

CHROMIUM = "/usr/bin/chromium"
NAME = "watch.example"
"""As people have it: a name and plain HTTP, where a browser tells the server less than on its own machine."""
# CI is root, whom chromium lets start without its sandbox only; it sees nothing but our own pages here.
SWITCHES = ("--no-sandbox", f"--host-resolver-rules=MAP {NAME} 127.0.0.1")
ROWS = ("healthy", "blocked", "cert-expired", "starttls-missing", "starttls-injected", "banner-odd", "http")
INTERVAL = 2.0
"""Seconds between two probes: a change is seen soon."""


@dataclass(frozen=True, slots=True)
class Site:
    """A running mailport, and the farm that it watches."""

    url: str
    farm: RunningFarm


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_of(tmp_path_factory.mktemp("site"), {}) as site:
        yield site


@contextmanager
def site_of(folder: Path, more: Mapping[str, Any]) -> Iterator[Site]:
    """Run a mailport over a farm, with more sections in its settings."""
    with open_rows(*ROWS, greeting_delay=0.1) as farm:
        sections = farm.settings
        settings = {
            **sections,
            "probe": {**sections["probe"], "timeout": 2.0, "versions_interval": 3600},
            "targets": farm.targets(),
            "schedule": {"interval": INTERVAL},
            "policy": {"baseline_after": 1, "confirm_after": 1},
            "store": f"sqlite:///{folder / 'mailport.db'}",
            "controls": False,
            **more,
        }
        file = folder / "mailport.yml"
        file.write_text(json.dumps(settings), encoding="utf-8")
        with started(folder, "serve", "--config", file, "--listen", "127.0.0.1:0") as running:
            running.wait_until(lambda: "serving" in running.stderr)
            found = re.search(r"127\.0\.0\.1:(\d+)", running.stderr)
            assert found is not None, running.stderr
            yield Site(f"http://{NAME}:{found[1]}", farm)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file: while it is there, no event loop of another test can run."""
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser of a reader who has not been here before."""
    context = browser.new_context(base_url=site.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(SECONDS * 1000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Iterator[Page]:
    """The status page once everything has been probed; nothing may go wrong in the browser meanwhile."""
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
    wait_until_ready(page)
    yield page
    assert faults == []


HARMLESS = ("429 (Too Many Requests)", "The Cross-Origin-Opener-Policy header has been ignored")
"""That a probe was refused is an answer like any other; over plain HTTP one of our headers has no effect."""


def _is_fault(said: ConsoleMessage) -> bool:
    return said.type == "error" and not any(words in said.text for words in HARMLESS)


def wait_until_ready(page: Page) -> None:
    """Load the status page, which shows by itself when the first pass is done."""
    page.goto("/")
    expect(page.locator("progress")).to_have_count(0)
    expect(page.locator("table.matrix tbody tr")).to_have_count(len(ROWS))


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where pictures are kept that a person may want to look at."""
    folder = Path(__file__).parents[2] / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
