"""Takes the pictures of docs/images from the farm of `mailport demo`, by Debian's chromium."""

import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from tests.cli.command import started
from tests.cli.running_farm import open_rows

ROWS = (
    *("healthy", "blocked", "refused", "cert-expired", "cert-self", "greeting-554", "ssh", "banner-odd"),
    *("starttls-missing", "starttls-injected", "starttls-masked", "starttls-refused"),
    *("tls10-only", "tls12-only", "tls13-only"),
)
HISTORY_SECONDS = 45.0
"""So long the farm is watched, a probe a second, so that there is a past to show."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a page: an address, or the host and port of an endpoint."""

    name: str
    page: str
    width: int
    height: int
    scheme: Literal["light", "dark"]


SHOTS = (
    Shot("status", "/", 1440, 1300, "light"),
    Shot("status-narrow", "/?state=downgraded#domains", 375, 812, "dark"),
    Shot("domain-narrow", "/domains/starttls-injected.mail.test", 375, 812, "light"),
    Shot("endpoint", "starttls-injected.mail.test:587", 1440, 1300, "light"),
)


def main(folder: Path) -> None:
    """Watch some of the farm for a while, then take every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, open_rows(*ROWS) as farm:
        sections = farm.settings
        settings = {
            **sections,
            "targets": farm.targets(),
            "schedule": {"interval": 1.0},
            "policy": {"confirm_after": 1},
            "store": f"sqlite:///{place}/mailport.db",
            "controls": False,
        }
        file = Path(place) / "mailport.yml"
        file.write_text(json.dumps(settings), encoding="utf-8")
        with started(Path(place), "serve", "--config", file, "--listen", "127.0.0.1:0") as running:
            running.wait_until(lambda: "serving" in running.stderr)
            where = re.search(r"127\.0\.0\.1:\d+", running.stderr)
            time.sleep(HISTORY_SECONDS)
            with sync_playwright() as playwright:
                # Root may start it without its sandbox only; it sees nothing but our own pages.
                switches = ["--no-sandbox"] if os.geteuid() == 0 else []
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=switches)
                for shot in SHOTS:
                    take(browser, f"http://{where[0] if where else ''}", folder, shot)


def take(browser: Browser, url: str, folder: Path, shot: Shot) -> None:
    """Take one picture."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme
    )
    page = context.new_page()
    is_address = shot.page.startswith("/")
    page.goto(f"{url}{shot.page if is_address else '/'}")
    if not is_address:
        host, port = shot.page.rsplit(":", 1)
        page.locator(f"a.tile[href^='/endpoints/{host}~'][href*='~{port}~']").click()
    page.locator("[data-live-note]").wait_for(state="visible")
    page.screenshot(path=folder / f"{shot.name}.png")
    context.close()


if __name__ == "__main__":
    main(Path(__file__).parents[1] / "docs" / "images")
