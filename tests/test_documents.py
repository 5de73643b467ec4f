"""The documents are what their readers' programs make of them: every row of a table is one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])


def blocks(text: str) -> list[list[str]]:
    """Return the runs of lines between blank ones, without what stands in code fences."""
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [block.splitlines() for block in re.split(r"\n\s*\n", prose)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_line_with_pipes_stands_in_a_table(path: Path) -> None:
    for block in blocks(path.read_text("utf-8")):
        rows = [number for number, line in enumerate(block) if line.startswith("|")]
        if not rows:
            continue
        first = rows[0]
        assert first == 0 or block[first - 1].startswith("#"), block[first]
        assert re.fullmatch(r"\|(?:\s*:?-+:?\s*\|)+", block[first + 1]), block[first]
        assert rows == list(range(first, len(block))), block[rows[-1]]


def anchors(text: str) -> set[str]:
    """Return the anchors that a code forge gives the headings."""
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_in_it(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        name, _, place = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not place or place in anchors(target.read_text("utf-8")), link
