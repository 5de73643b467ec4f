"""Chains met before: a flawless one is known again, and whatever has changed is found all the same."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from scanner.protocol import TlsClient
from scanner.protocol.evidence import VerifyError
from scanner.protocol.memory import Memory
from scanner.protocol.verification import Chains, Verification
from tests.protocol.identities import HOST, Authority, Identity
from tests.protocol.test_verification import CASES, Case, add, present
from tests.protocol.tls_server import TlsServer, connect


@dataclass(slots=True)
class Clock:
    """A clock that is set by hand (seconds since 1970)."""

    now: float

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client(certificates: Authority, tmp_path: Path) -> TlsClient:
    """A client that has met nobody yet."""
    return TlsClient(certificates.write_ca(tmp_path / "ca.pem"))


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What OpenSSL reports while it verifies: the depth, and whether all was well there."""
    heard: list[tuple[int, int]] = []
    report = Verification.report

    def listen(self: Verification, connection: SSL.Connection, number: int, depth: int, ok: int) -> bool:
        heard.append((depth, ok))
        return report(self, connection, number, depth, ok)

    monkeypatch.setattr(Verification, "report", listen)
    return heard


def test_a_chain_seen_again_is_not_computed_again(
    client: TlsClient, certificates: Authority, reports: list[tuple[int, int]]
) -> None:
    identity = certificates.issue(HOST)

    first, again = present(client, identity), present(client, identity)

    assert first == again
    assert (again.problems, again.trusted) == ((), True)
    assert reports == [(2, 1), (1, 1), (0, 1), (2, 1)]  # cut short at the root, before any signature


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_certificate_is_judged_the_same_again(
    case: Case, client: TlsClient, certificates: Authority
) -> None:
    identity = case.make(certificates)

    seen = [present(client, identity, case.host) for _ in range(3)]

    assert seen[0] == seen[1] == seen[2]
    assert (seen[2].problems, seen[2].trusted) == (case.problems, case.trusted)


def test_a_known_chain_is_verified_whole_when_a_certificate_has_run_out(
    client: TlsClient, certificates: Authority, reports: list[tuple[int, int]]
) -> None:
    identity = certificates.issue(HOST, days=(-1, 9))
    leaf = identity.chain[0]
    clock = Clock(leaf.not_valid_after_utc.timestamp())
    client.chains = Chains(clock)
    whole, short = 3, 1
    counts = []

    for now in (clock.now, clock.now, clock.now + 1, leaf.not_valid_before_utc.timestamp() - 1):
        clock.now = now
        reports.clear()
        present(client, identity)
        counts.append(len(reports))

    assert counts == [whole, short, whole, whole]


def test_the_window_is_that_of_the_whole_chain_and_not_the_leaf_alone(
    client: TlsClient, certificates: Authority, reports: list[tuple[int, int]]
) -> None:
    last = certificates.intermediate.certificate.not_valid_after_utc
    identity = certificates.issue(HOST, days=(-1, 9000))
    assert last < identity.chain[0].not_valid_after_utc
    clock = Clock(last.timestamp())
    client.chains = Chains(clock)
    present(client, identity)
    reports.clear()

    clock.now += 1
    present(client, identity)

    assert len(reports) == 3


def test_an_intermediate_that_is_no_longer_sent_is_missed(client: TlsClient, certificates: Authority) -> None:
    whole = certificates.issue(HOST)
    bare = Identity(whole.key, whole.chain[:1])

    problems = [present(client, identity).problems for identity in (whole, bare, whole)]

    assert problems == [(), ("untrusted",), ()]


def test_a_chain_that_grows_is_another_chain(client: TlsClient, certificates: Authority) -> None:
    identity = certificates.issue(HOST)
    longer = add(identity, certificates.unknown.certificate)

    assert [present(client, each).chain_length for each in (identity, longer, identity)] == [2, 3, 2]


def test_a_forged_leaf_behind_a_known_chain_is_found(client: TlsClient, certificates: Authority) -> None:
    """The same names and dates, signed by another key of the same name as the issuer's."""
    stranger = Authority()
    genuine = certificates.issue(HOST)
    forged = stranger.issue(HOST)
    mixed = Identity(forged.key, (forged.chain[0], *genuine.chain[1:]))
    present(client, genuine)

    assert not present(client, mixed).trusted
    assert not present(client, mixed).trusted


def test_a_fault_found_before_the_first_signature_is_never_passed_over() -> None:
    class KnowsAll(Chains):
        def knows(self, digest: bytes) -> bool:
            return bool(digest)

    verification = Verification(KnowsAll())
    connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    heard = [(24, 1, 0), (0, 1, 1), (0, 0, 1)]  # an invalid CA, then all is well

    assert [verification.report(connection, *report) for report in heard] == [True] * 3
    assert verification.finish(connection) == (VerifyError(24, 1),)


def test_a_verification_that_came_to_no_end_is_no_trust(
    client: TlsClient, certificates: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Verification, "report", lambda *_: False)
    tunnel = client.tunnel(HOST)
    connect(tunnel, TlsServer(certificates.issue(HOST)).accept())

    found = tunnel.certificate()

    assert found is not None
    assert (found.problems, found.trusted) == (("untrusted",), False)


def test_the_presented_chain_is_told_as_it_came(client: TlsClient, certificates: Authority) -> None:
    identity = certificates.issue(HOST)
    tunnel = client.tunnel(HOST)
    connect(tunnel, TlsServer(identity).accept())

    found = tunnel.certificate()

    assert found is not None
    assert len(tunnel.presented()) == found.chain_length == 2
    assert list(tunnel.presented()) == [each.public_bytes(Encoding.DER) for each in identity.chain]


def test_a_certificate_that_somebody_holds_is_not_described_again(
    client: TlsClient, certificates: Authority
) -> None:
    client.described = Memory(1)  # as if more certificates were met in turns than are remembered
    first, second = certificates.issue(HOST), certificates.issue(HOST)
    held = present(client, first)
    present(client, second)

    assert present(client, first) is held


def test_a_certificate_that_nobody_holds_takes_no_room(client: TlsClient, certificates: Authority) -> None:
    client.described = Memory(1)
    for _ in range(3):
        present(client, certificates.issue(HOST))

    assert len(client.in_use) == 1
