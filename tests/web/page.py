"""Reads a page as a browser would, far enough for the tests: elements, attributes and text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import aiohttp

_VOID = {"meta", "link", "img", "br", "input"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def find(self, tag: str, **attributes: str) -> list["Element"]:
        """Return every element below with that tag and these attributes (`class_` one of the classes)."""
        found = []
        for child in self.children:
            if child.tag == tag and all(child.has(name, value) for name, value in attributes.items()):
                found.append(child)
            found.extend(child.find(tag, **attributes))
        return found

    def has(self, name: str, value: str) -> bool:
        if name == "class_":
            return value in self.attributes.get("class", "").split()
        return self.attributes.get(name.replace("_", "-")) == value

    @property
    def text(self) -> str:
        """The text of the element and all below, white space folded."""
        return " ".join("".join(self.pieces).split())

    def everything(self) -> list["Element"]:
        return [self, *(below for child in self.children for below in child.everything())]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("root", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.pieces.append(data)


def parse(text: str) -> Element:
    """Return the root of a page; an element closed out of turn fails the test."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder._open == [builder.root]
    return builder.root


async def load(site: aiohttp.ClientSession, path: str = "/") -> Element:
    """Return the page at an address."""
    async with site.get(path) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        return parse(await answer.text())


def assert_harmless(page: Element) -> None:
    """Fail where a page holds anything that a server could have smuggled in."""
    tags = {element.tag for element in page.everything()}
    assert not tags & {"iframe", "object", "embed", "style"}
    assert [script.attributes for script in page.find("script")] == [{"src": "/static/live.js", "defer": ""}]
    assert [image.attributes["src"] for image in page.find("img")] == ["/static/mailport.svg"]
    assert {form.attributes["action"][0] for form in page.find("form")} <= {"/"}
    assert not [name for element in page.everything() for name in element.attributes if name.startswith("on")]
    assert "49" not in page.text.replace("{{ 7 * 7 }}", "")
