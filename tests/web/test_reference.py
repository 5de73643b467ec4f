"""The page of all addresses: what it says of the OpenAPI document, and that it stands by itself."""

import re

import aiohttp
import pytest

from scanner.web import create_app
from scanner.web.reference import say_schema
from tests.web.service import FakeService


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9, "default": 5}, "integer 1 to 9, else 5"),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "default": []}, "list of a, b"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "date-time or null"),
        ({"$ref": "#/components/schemas/Record"}, "Record"),
        ({"enum": list(range(20))}, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ..."),
        ({}, "anything"),
    ],
)
def test_a_schema_is_said_in_words(schema: dict[str, object], said: str) -> None:
    assert say_schema(schema) == said


async def test_every_address_and_model_is_on_the_page(site: aiohttp.ClientSession) -> None:
    async with site.get("/docs") as answer:
        page = await answer.text()
    document = create_app(FakeService()).openapi()
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    anchors = set(re.findall(r'href="#(model-\w+)"', page))
    assert len(anchors) > 5
    for name in document["components"]["schemas"]:
        assert f'id="model-{name}"' in page
    assert anchors <= set(re.findall(r'id="(model-\w+)"', page))
    for outside in ("http://", "https://", "<script", " style="):
        assert outside not in page.replace("http://www.w3.org", "")
