"""What MkDocs is told beside mkdocs.yml: where links out of docs/ lead, and which pages a folder has."""

import logging
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<=\]\()(\.\./[^)\s#]+)(#[^)\s]*)?(?=\))")
# A warning here ends a strict build, as MkDocs' own do.
log = logging.getLogger("mkdocs.hooks.mailport")


class Page(Protocol):
    """As much of MkDocs' page as is read here."""

    @property
    def file(self) -> Any:  # noqa: ANN401 - MkDocs is not installed where types are checked
        """Where the page comes from."""


def on_config(config: dict[str, Any]) -> None:
    """Write `folder/*` of the navigation out, and leave out the pages that are not there."""
    docs = Path(config["docs_dir"])
    config["nav"] = list(_spread(config["nav"], docs))


def _spread(entries: list[Any], docs: Path) -> Iterator[Any]:
    for entry in entries:
        if isinstance(entry, str) and entry.endswith("/*"):
            folder = entry.removesuffix("/*")
            names = {path.name for path in (docs / folder).glob("*.md")} - {"README.md"}
            yield f"{folder}/README.md"
            yield from (f"{folder}/{name}" for name in sorted(names))
        elif isinstance(entry, dict):
            ((title, inside),) = entry.items()
            if isinstance(inside, list):
                yield {title: list(_spread(inside, docs))}
            # Every page has to be in the navigation, so an entry that is misspelt shows all the same.
            elif (docs / inside).is_file():
                yield {title: inside}
        else:
            yield entry


def on_page_markdown(
    markdown: str,
    page: Page,
    config: dict[str, Any],
    **_: object,
) -> str:
    """Let links to files of the repository outside docs/ lead to the repository."""
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")

    def outside(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[1]))
        if path.startswith("docs/"):
            return match[0]
        if not (ROOT / path).exists():
            log.warning("docs/%s: no file %s", page.file.src_uri, path)
        return f"{config['extra']['repository']}/blob/main/{path}{match[2] or ''}"

    return LINK.sub(outside, markdown)
