"""A real server on a loopback port with a service behind it that the test fills."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from scanner.web import bind, create_app, serve_http
from tests.web.samples import NOW
from tests.web.service import FakeService


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def site(service: FakeService) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the served application; it asks for nothing by itself and undoes no compression."""
    sock = bind("127.0.0.1:0")
    port = sock.getsockname()[1]
    app = create_app(service, clock=lambda: NOW)
    session = aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", skip_auto_headers=["Accept", "Accept-Encoding"], auto_decompress=False
    )
    async with serve_http(app, sock), session:
        yield session
