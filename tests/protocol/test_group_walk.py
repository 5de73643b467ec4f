"""The walk over the groups: what a server takes of all, and whether it takes the hybrid, in two hellos."""

import contextlib
import os
from pathlib import Path

import pytest
from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from scanner.protocol.client_hello import GROUPS, X25519MLKEM768
from scanner.protocol.group_walk import MOST_GROUP_HELLOS, GroupWalk
from scanner.protocol.server_hello import Alert, Answer, NoHello, ServerHello, Silence, Ssl2Hello
from scanner.protocol.version_walk import VersionWalk
from tests.protocol.hello_reader import SUPPORTED_GROUPS, SUPPORTED_VERSIONS, read_hello
from tests.protocol.hello_servers import (
    TLS_VERSIONS,
    Reply,
    bundled,
    by,
    system,
    walk_by,
    write_identity,
)
from tests.protocol.identities import HOST, Authority, Identity
from tests.protocol.tls_server import TlsServer

X25519, P256 = 0x001D, 0x0017
CLOSED = NoHello(Silence.CLOSED)


@pytest.fixture
def identity(certificates: Authority) -> Identity:
    return certificates.issue(HOST)


def retry(group: int | None) -> ServerHello:
    return ServerHello("TLSv1.3", 0x1301, group, is_retry=True)


def walk_script(*script: Answer, known: ServerHello | None = None) -> tuple[GroupWalk, list[list[int]]]:
    """Walk with these answers, all of which must be wanted; return also the groups of each hello."""
    rest = iter(script)
    walk = GroupWalk(HOST, os.urandom, known)
    hellos = walk_by(walk, lambda _: next(rest))
    assert not list(rest)
    read = [read_hello(hello.data) for hello in hellos]
    assert all(hello.listed(SUPPORTED_VERSIONS, length=1) == [0x0304] for hello in read)
    assert len({hello.random for hello in read}) == len(read)
    return walk, [hello.listed(SUPPORTED_GROUPS) for hello in read]


def only(identity: Identity, groups: bytes) -> Reply:
    """Return a server that takes these groups alone."""
    server = TlsServer(identity, "TLSv1.3", "TLSv1.3")

    def reply(data: bytes) -> bytes:
        end = server.accept()
        assert Binding.lib.SSL_set1_curves_list(end.connection._ssl, groups) == 1
        end.feed(data)
        with contextlib.suppress(SSL.Error):
            end.handshake()
        return end.take()

    return reply


def test_facts_4_5_supported_groups_hybrid_first_one_hello_where_it_is_chosen() -> None:
    walk, groups = walk_script(retry(X25519MLKEM768))

    assert groups == [list(GROUPS)]
    assert (walk.preferred_group, walk.post_quantum) == ("X25519MLKEM768", True)


@pytest.mark.parametrize(("answer", "is_taken"), [(retry(X25519MLKEM768), True), (Alert(2, 40), False)])
def test_facts_4_5_supported_groups_the_hybrid_alone_where_another_was_chosen(
    answer: Answer, is_taken: bool
) -> None:
    walk, groups = walk_script(retry(X25519), answer)

    assert groups == [list(GROUPS), [X25519MLKEM768]]
    assert (walk.preferred_group, walk.post_quantum) == ("x25519", is_taken)


def test_facts_4_4_hello_retry_request_of_the_version_walk_is_the_first_answer() -> None:
    walk, groups = walk_script(known=retry(X25519MLKEM768))
    assert (groups, walk.preferred_group, walk.post_quantum) == ([], "X25519MLKEM768", True)

    walk, groups = walk_script(Alert(2, 71), known=retry(P256))
    assert groups == [[X25519MLKEM768]]
    assert (walk.preferred_group, walk.post_quantum) == ("secp256r1", False)


def test_a_group_that_only_a_walk_in_need_offered_is_no_first_answer() -> None:
    _, groups = walk_script(Alert(2, 40), known=retry(0x001F))

    assert groups == [list(GROUPS)]


def test_without_tls_13_there_is_no_hybrid() -> None:
    walk, _ = walk_script(Alert(2, 70))

    assert (walk.preferred_group, walk.post_quantum) == (None, False)


@pytest.mark.parametrize(
    "answer", [Alert(2, 40), Alert(2, 80), ServerHello("TLSv1.2", 5), retry(0x001F)], ids=str
)
def test_an_answer_that_proves_nothing_ends_the_walk(answer: Answer) -> None:
    walk, _ = walk_script(answer)

    assert (walk.preferred_group, walk.post_quantum) == (None, None)


@pytest.mark.parametrize("answer", [CLOSED, NoHello(Silence.TIMEOUT), Ssl2Hello(3)], ids=str)
def test_what_is_no_answer_is_repeated_within_the_two_hellos(answer: Answer) -> None:
    walk, groups = walk_script(answer, answer)
    assert groups == [list(GROUPS)] * MOST_GROUP_HELLOS
    assert (walk.preferred_group, walk.post_quantum) == (None, None)

    walk, groups = walk_script(answer, retry(X25519MLKEM768), known=retry(X25519))
    assert groups == [[X25519MLKEM768]] * 2
    assert (walk.preferred_group, walk.post_quantum) == ("x25519", True)


def test_a_retry_that_wants_only_its_cookie_back_names_no_group() -> None:
    walk, groups = walk_script(retry(None), retry(None))

    assert groups == [list(GROUPS), [X25519MLKEM768]]
    assert (walk.preferred_group, walk.post_quantum) == (None, None)


def test_a_stopped_walk_asks_nothing_more() -> None:
    walk = GroupWalk(HOST, os.urandom)
    assert walk.next() is not None
    walk.take(retry(X25519))

    walk.stop()

    assert walk.next() is None
    assert (walk.preferred_group, walk.post_quantum, walk.connections) == ("x25519", None, 1)


@pytest.mark.parametrize(
    ("groups", "preferred", "is_hybrid", "count"),
    [
        (b"X25519MLKEM768:x25519", "X25519MLKEM768", True, 1),
        (b"secp384r1:x448", "secp384r1", False, 2),
        (b"x25519", "x25519", False, 2),
        (b"ffdhe2048", "ffdhe2048", False, 2),
    ],
)
def test_a_real_server_with_these_groups(
    groups: bytes, preferred: str, is_hybrid: bool, count: int, identity: Identity
) -> None:
    walk, server = GroupWalk(HOST, os.urandom), only(identity, groups)

    walk_by(walk, by(server))

    assert (walk.preferred_group, walk.post_quantum) == (preferred, is_hybrid)
    assert walk.connections == count


def test_both_walks_over_the_same_real_server_cost_one_hello_more_at_most(
    identity: Identity, tmp_path: Path
) -> None:
    path = write_identity(identity, tmp_path)
    for server in (bundled(identity, TLS_VERSIONS[2:]), system(path, TLS_VERSIONS[2:])):
        versions = VersionWalk(HOST, os.urandom)
        walk_by(versions, by(server))
        groups = GroupWalk(HOST, os.urandom, versions.retry)
        walk_by(groups, by(server))

        assert versions.connections == 3
        assert groups.connections <= 1
        assert groups.preferred_group is not None
        assert groups.post_quantum is (groups.preferred_group == "X25519MLKEM768")
