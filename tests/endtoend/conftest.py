"""One world for all tests here; each test leaves it as healthy as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endtoend.world import World, build_world
from tests.servers.certificates import Authority


@pytest.fixture(scope="package")
def shared_world(server_folder: Path, authority: Authority) -> Iterator[World]:
    """Ask for `world` instead."""
    folder = server_folder / "endtoend"
    folder.mkdir()
    with build_world(folder, authority) as built:
        yield built


@pytest.fixture
def world(shared_world: World) -> World:
    """The world with nothing wrong in it and nothing told yet."""
    shared_world.settle()
    shared_world.told.clear()
    return shared_world
