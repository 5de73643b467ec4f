"""Stores to test: each test that asks for `place` runs over SQLite and over PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.store import Limits, Pace, Place, Store
from tests.servers.postgres import Postgres

QUICK = Pace(batch_seconds=0.01, retry_seconds=0.02, longest_retry_seconds=0.1, lock_seconds=0.1)
"""Waits short enough for tests."""

OpenStore = Callable[..., Store]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place for a store."""
    if request.param == "sqlite":
        return Place(path=tmp_path / "state" / "mailport.db")
    server: Postgres = request.getfixturevalue("postgres")
    return Place(url=server.url(server.create_database()))


@pytest.fixture
async def open_store(place: Place) -> AsyncIterator[OpenStore]:
    """Open stores that are closed at the end, at the test's own place unless it says another."""
    stores: list[Store] = []

    def open_one(at: Place | None = None, limits: Limits | None = None, **more: Any) -> Store:
        more.setdefault("pace", QUICK)
        stores.append(Store(at or place, limits, **more))
        return stores[-1]

    yield open_one
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    """An opened, empty store."""
    opened = open_store()
    await opened.load()
    return opened
