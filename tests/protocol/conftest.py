"""What the tests of the protocols share: a CA, the client that trusts it, and servers of all kinds."""

from collections.abc import Callable
from functools import cache

import pytest

from scanner.protocol import TlsClient
from tests.protocol.identities import HOST, Authority, Identity
from tests.protocol.tls_server import TlsServer

Serve = Callable[..., TlsServer]


@pytest.fixture(scope="session")
def certificates() -> Authority:
    """The test's CA, made once."""
    return Authority()


@pytest.fixture(scope="session")
def tls(certificates: Authority, tmp_path_factory: pytest.TempPathFactory) -> TlsClient:
    """The client under test, which trusts that CA."""
    return TlsClient(certificates.write_ca(tmp_path_factory.mktemp("ca") / "ca.pem"))


@pytest.fixture(scope="session")
def server_of(certificates: Authority) -> Serve:
    """Return a server by the name of its certificate and its versions; each is made once."""
    identities: dict[str, Callable[[], Identity]] = {
        "good": lambda: certificates.issue(HOST),
        "self-signed": lambda: certificates.issue_self_signed(HOST),
        "expired": lambda: certificates.issue(HOST, days=(-90, -1)),
        "other-name": lambda: certificates.issue("other.example.org"),
    }
    identity_of = cache(lambda kind: identities[kind]())

    @cache
    def serve(kind: str, lowest: str, highest: str) -> TlsServer:
        return TlsServer(identity_of(kind), lowest, highest)

    return serve
