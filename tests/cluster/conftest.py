"""A cluster of processes over a farm of mail servers, or over networks of their own."""

from collections.abc import Iterator

import pytest

from tests.cluster.cluster import few_servers
from tests.cluster.places import Places, build_places
from tests.servers.certificates import Authority

__all__ = ["few_servers"]


@pytest.fixture(scope="module")
def built(authority: Authority) -> Iterator[Places]:
    with build_places(authority) as places:
        yield places


@pytest.fixture
def places(built: Places) -> Iterator[Places]:
    yield built
    built.mend()
