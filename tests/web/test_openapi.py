"""The HTTP interface keeps to its own OpenAPI document, whatever is asked of it."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from scanner.web import bind, create_app, serve_http
from tests.web.samples import NOW, WORLD
from tests.web.service import FakeService

EXAMPLES = 20
DOCUMENT = create_app(FakeService()).openapi()
ENDLESS = "/api/v1/events/stream"
NAMES_A_HOST = ("/api/v1/events", "/probe")

schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(path=ENDLESS)


class Site(threading.Thread):
    """The served application in a thread of its own, for clients that block."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.sock = bind("127.0.0.1:0")
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}"
        self.is_up = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.stop = asyncio.Event()

    def run(self) -> None:
        self.loop.run_until_complete(self._serve())
        self.loop.close()

    async def _serve(self) -> None:
        past = [replace(WORLD[0], started_at=NOW - timedelta(minutes=n)) for n in range(30)]
        service = FakeService(past=past)
        async with serve_http(create_app(service, clock=lambda: NOW), self.sock, grace=1):
            self.is_up.set()
            await self.stop.wait()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    site = Site()
    site.start()
    assert site.is_up.wait(20)
    yield site.url
    site.loop.call_soon_threadsafe(site.stop.set)
    site.join(20)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_keeps_to_the_document(case: Any, url: str) -> None:
    # A host's name has a grammar of its own, which no schema of a text can tell.
    excluded = [positive_data_acceptance] if case.path in NAMES_A_HOST else []
    case.call_and_validate(base_url=url, timeout=20, excluded_checks=excluded)


def test_the_document_is_valid_and_needs_nothing_from_outside() -> None:
    text = str(DOCUMENT)
    for model in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(model)
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert operation["description"], path
            assert "200" in operation["responses"], (method, path)
    assert "http://" not in text
    assert "https://" not in text
