"""A farm that all tests of the command line share."""

from collections.abc import Iterator

import pytest

from tests.cli.running_farm import RunningFarm, open_farm


@pytest.fixture(scope="session")
def farm() -> Iterator[RunningFarm]:
    """Every scenario; a slow greeting takes half a second."""
    with open_farm(greeting_delay=0.5) as opened:
        yield opened
