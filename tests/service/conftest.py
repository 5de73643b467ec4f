"""A farm that all tests of the service share, and the watch that goes round beside them."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import farm
from tests.service.marathon import Marathon, run_marathon

__all__ = ["farm", "marathon"]


@pytest.fixture(scope="session")
def marathon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marathon]:
    """Asked for by the first tests, so that it has gone far when the last ones look at it."""
    with run_marathon(tmp_path_factory.mktemp("marathon")) as watch:
        yield watch
