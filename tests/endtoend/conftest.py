"""One world for all tests here; each test leaves it as healthy as it was."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endtoend.world import World, build_world
from tests.servers.certificates import Authority

_numbers = itertools.count()


@pytest.fixture(scope="package")
def shared_world(server_folder: Path, authority: Authority) -> Iterator[World]:
    """Ask for `world` instead."""
    # A process that has tests of other packages in between builds it more than once.
    folder = server_folder / f"endtoend-{next(_numbers)}"
    folder.mkdir()
    with build_world(folder, authority) as built:
        yield built


@pytest.fixture(scope="module")
def fresh_world(shared_world: World) -> World:
    """The world with a mailport that has no past but a healthy one; a healthy start is no news."""
    shared_world.told.clear()
    shared_world.begin()
    # That it was down in between, or is started often, may have been told.
    assert {name for _, name, _ in shared_world.alerts} <= {"MailportDown", "MailportRestarting"}
    return shared_world


@pytest.fixture
def world(fresh_world: World) -> World:
    """The world with nothing wrong in it and nothing told yet."""
    fresh_world.settle()
    fresh_world.told.clear()
    return fresh_world
