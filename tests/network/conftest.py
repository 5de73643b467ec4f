"""For these tests: a client, a router and a server in namespaces of their own, and a site in the web."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.discovery.web_server import SITE, World, world
from tests.servers.certificates import Authority, Leaf
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


@pytest.fixture(scope="session")
def site_leaf(authority: Authority) -> Leaf:
    return authority.issue(SITE)


@pytest.fixture
async def here(authority: Authority, site_leaf: Leaf) -> AsyncIterator[World]:
    """A site that a client of the test's own asks; modules that need another one have their own `here`."""
    async with world(authority, site_leaf, SITE) as made:
        yield made
