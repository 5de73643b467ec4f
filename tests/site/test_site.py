"""The site of docs/: it builds, every link leads somewhere, and it works from a disk without a network."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
MKDOCS = ROOT / ".cache" / "docs" / "bin" / "mkdocs"
"""Made by scripts/docs.sh, as `make test` does."""
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


@dataclass(slots=True)
class Read(HTMLParser):
    """What a page links to, what it loads, and the places in it that a link can name."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id":
                self.places.add(value)
            elif (tag, name) in LOADED:
                self.loads.append(value)
            elif name == "href":
                self.links.append(value)


def build(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MKDOCS, "build", "--strict", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    done = build("--site-dir", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Read]:
    read = {}
    for path in site.rglob("*.html"):
        read[path] = Read()
        read[path].feed(path.read_text("utf-8"))
    return read


def test_each_document_is_a_page(site: Path) -> None:
    documents = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    wanted = {str(path.with_suffix(".html")).replace("README.html", "index.html") for path in documents}
    assert {str(path.relative_to(site)) for path in site.rglob("*.html")} == wanted | {"404.html"}


def test_every_link_leads_to_a_page_and_a_place_in_it(site: Path, pages: dict[Path, Read]) -> None:
    followed = 0
    for path, page in pages.items():
        if path.name == "404.html":
            # Served from any address, so its links begin at the root.
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme == "https", (path, link)
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (path, link)
            assert target.is_relative_to(site), (path, link)
            if parts.fragment:
                assert unquote(parts.fragment) in pages[target].places, (path, link)
            followed += 1
    assert followed > 1000


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Read]) -> None:
    loaded = [link for page in pages.values() for link in page.loads]
    assert len(loaded) > 100
    assert [link for link in loaded if urlsplit(link).netloc] == []


def test_files_outside_the_documents_are_linked_at_the_repository(pages: dict[Path, Read]) -> None:
    there = {link.partition("/blob/main/")[2] for page in pages.values() for link in page.links}
    assert "config/prometheus/rules/incidents.yml" in there
    assert all((ROOT / path).exists() for path in there)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a](nothing.md)", "nothing.md"),
        ("[a](tls.md#nothing)", "#nothing"),
        ("[a](../config/nothing.yml)", "config/nothing.yml"),
    ],
)
def test_a_broken_link_ends_the_build(text: str, told: str, tmp_path: Path) -> None:
    for name in ("docs", "scripts/site"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("config", "bench", "scanner", "mkdocs.yml"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "mkdocs.yml", tmp_path / "site.yml")
    with (tmp_path / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{text}\n")
    done = build("--config-file", tmp_path / "site.yml", "--site-dir", tmp_path / "site")
    assert done.returncode == 1
    assert told in done.stderr


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        switches = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=switches)
        yield browser.new_page(viewport={"width": 375, "height": 812})
        browser.close()


def test_it_is_read_and_searched_from_a_disk_on_a_phone(site: Path, page: Page) -> None:
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    for name in ("index", "configuration", "verdicts", "metrics", "runbooks/index"):
        page.goto((site / f"{name}.html").as_uri())
        # Wide tables move within themselves.
        assert page.evaluate("document.documentElement.scrollWidth") == 375, name

    page.keyboard.press("/")
    page.keyboard.type("starttls_masked")
    found = page.locator("a[href*='verdicts.html']").filter(has_text="STARTTLS that is missing").first
    found.wait_for(state="visible", timeout=60_000)
    found.click()
    page.wait_for_url("**/verdicts.html*", timeout=60_000)

    assert {urlsplit(url).scheme for url in asked} <= {"file", "data", "blob"}
    assert faults == []
