"""A client, a router and a server in namespaces of these tests' own, with one listener for all of them."""

from collections.abc import Iterator

import pytest

from tests.servers.netns import Network, build_network

LISTENING = (2525, 2587)


@pytest.fixture(scope="session")
def own_network() -> Iterator[Network]:
    """The hosts; ask for `hosts` instead. Tests change routes and kernel settings here and undo that."""
    with build_network() as network:
        network.listen(*LISTENING)
        yield network


@pytest.fixture
def hosts(own_network: Network) -> Iterator[Network]:
    """The hosts; filters of a test go away with it."""
    yield own_network
    own_network.clear_filters()
