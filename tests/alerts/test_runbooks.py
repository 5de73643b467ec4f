"""Each alert has a page for whoever is woken by it, and what the pages say to type can be typed."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.cli.app import app
from tests.alerts.ruling import ROOT, alerts

BOOKS = ROOT / "docs" / "runbooks"
INDEX = BOOKS / "README.md"
PAGES = sorted(path for path in BOOKS.glob("*.md") if path != INDEX)
CHAPTERS = ["Meaning", "Impact", "Diagnosis", "Mending", "When to silence"]
TOO_LONG_TO_SAY_TWICE = 150
MOST_LINES = 45


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    assert {path.stem for path in PAGES} == {rule["alert"] for rule in alerts()}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_short_and_in_order(path: Path) -> None:
    text = text_of(path)
    assert re.findall(r"^# (.*)$", text, re.MULTILINE) == [path.stem]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == CHAPTERS
    chapters = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(chapter.strip() for chapter in chapters)
    steps = re.findall(r"^(\d+)\. ", chapters[2], re.MULTILINE)
    assert [int(step) for step in steps] == list(range(1, len(steps) + 1))
    assert len(text.splitlines()) <= MOST_LINES


def test_the_index_tells_each_alert_with_its_summary() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| ([\w ]+) \| (.*) \|$", text_of(INDEX), re.MULTILINE)
    assert all(name == page for name, page, _, _ in listed)
    summaries: dict[str, str] = {}
    severities: dict[str, set[str]] = {}
    for rule in alerts():
        summaries.setdefault(rule["alert"], rule["annotations"]["summary"])
        severity = rule["labels"]["severity"]
        severities.setdefault(rule["alert"], set()).add("by the finding" if "{{" in severity else severity)
    assert {name: summary for name, _, _, summary in listed} == summaries
    assert {name: set(severity.split(" or ")) for name, _, severity, _ in listed} == severities


@pytest.mark.parametrize("path", [INDEX, *PAGES], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for page, place in re.findall(r"\]\(([\w./-]*)(#[\w-]+)?\)", text_of(path)):
        target = (path.parent / page) if page else path
        assert target.is_file(), page
        if place:
            titles = re.findall(r"^#+ (.*)$", text_of(target), re.MULTILINE)
            assert place[1:] in {title.lower().replace(" ", "-") for title in titles}, place


@pytest.mark.parametrize("path", [INDEX, *PAGES], ids=lambda path: path.stem)
def test_our_own_commands_exist_with_their_options(path: Path) -> None:
    text = text_of(path)
    fenced = re.findall(
        r"^mailport (\w+)(.*)$", "\n".join(re.findall(r"```\n(.*?)```", text, re.DOTALL)), re.MULTILINE
    )
    for name, rest in [*fenced, *re.findall(r"`mailport (\w+)([^`\n]*)`", text)]:
        shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, name
        for option in re.findall(r"--[\w-]+", rest):
            assert option in shown.output, (name, option)


def test_settings_that_pages_name_exist() -> None:
    document = text_of(ROOT / "docs" / "configuration.md")
    known = set(re.findall(r"^\| `([a-z_.]+)` \|", document, re.MULTILINE))
    sections = {name.split(".")[0] for name in known}
    named = {
        name
        for path in PAGES
        for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", text_of(path))
        if name.split(".")[0] in sections
    }
    assert {"schedule.interval", "limits.rate", "policy.overrides"} <= named
    assert named <= known


def test_no_long_text_stands_in_two_pages() -> None:
    seen: dict[str, str] = {}
    for path in PAGES:
        for paragraph in re.split(r"\n\n|\n(?=[-\d])", text_of(path)):
            words = " ".join(paragraph.split())
            if len(words) >= TOO_LONG_TO_SAY_TWICE:
                assert words not in seen, (path.name, seen.get(words))
                seen[words] = path.name
