"""Raw ClientHellos: what they say, read back by an independent reader, and how real servers take them."""

import itertools
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from scanner.protocol.client_hello import (
    GROUPS,
    MOST_SUITES,
    NUMBERS,
    VERSIONS,
    X25519MLKEM768,
    Suites,
    is_hello,
    make_group_hello,
    make_hello,
)
from scanner.protocol.server_hello import Alert, ServerHello
from tests.protocol.budget import tries
from tests.protocol.hello_reader import (
    KEY_SHARE,
    PADDING,
    SIGNATURES,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    read_hello,
    read_ssl2_hello,
)
from tests.protocol.hello_servers import TLS_VERSIONS, answer_of, bundled, system, write_identity
from tests.protocol.identities import HOST, Authority, Identity
from tests.protocol.tls_server import TlsServer

RANDOM = bytes(range(32))
FALLBACK, RENEGOTIATION = 0x5600, 0xFF01
EXTENDED_MASTER_SECRET, POINTS = 23, 11

SETS = [some for n in (1, 2, 3, 4) for some in itertools.combinations(TLS_VERSIONS, n)]

every_tls = pytest.mark.parametrize("version", TLS_VERSIONS)
every_choice = pytest.mark.parametrize("suites", list(Suites))


@pytest.fixture
def identity(certificates: Authority) -> Identity:
    return certificates.issue(HOST)


@every_choice
@pytest.mark.parametrize(
    ("version", "record", "number"),
    [
        ("SSLv3", 0x0300, 0x0300),
        ("TLSv1.0", 0x0301, 0x0301),
        ("TLSv1.1", 0x0301, 0x0302),
        ("TLSv1.2", 0x0301, 0x0303),
        ("TLSv1.3", 0x0301, 0x0303),
    ],
)
def test_facts_4_5_record_and_legacy_versions(version: str, record: int, number: int, suites: Suites) -> None:
    hello = read_hello(make_hello(version, HOST, random=RANDOM, suites=suites))

    assert (hello.record_version, hello.version) == (record, number)
    assert hello.random == RANDOM
    assert hello.session == b""
    assert (hello.extensions is None) is (version == "SSLv3")


@every_choice
def test_facts_4_5_supported_versions_and_empty_key_share_are_in_the_hello_of_13_alone(
    suites: Suites,
) -> None:
    for version in TLS_VERSIONS[:-1]:
        extensions = read_hello(make_hello(version, HOST, random=RANDOM, suites=suites)).extensions
        assert extensions is not None
        assert not extensions.keys() & {SUPPORTED_VERSIONS, KEY_SHARE}

    hello = read_hello(make_hello("TLSv1.3", HOST, random=RANDOM, suites=suites))

    assert hello.listed(SUPPORTED_VERSIONS, length=1) == [0x0304, 0x0303, 0x0302, 0x0301]
    assert hello.listed(KEY_SHARE) == []


def test_facts_4_5_supported_groups_begin_with_the_hybrid() -> None:
    hello = read_hello(make_hello("TLSv1.3", HOST, random=RANDOM))

    assert hello.listed(SUPPORTED_GROUPS) == list(GROUPS)
    assert hello.listed(SUPPORTED_GROUPS)[:4] == [X25519MLKEM768, 0x001D, 0x0017, 0x0018]


@every_tls
@every_choice
def test_facts_4_5_signature_algorithms_are_there_from_12_on(version: str, suites: Suites) -> None:
    hello = read_hello(make_hello(version, HOST, random=RANDOM, suites=suites))

    assert hello.extensions is not None
    assert (SIGNATURES in hello.extensions) is (version in ("TLSv1.2", "TLSv1.3"))
    if SIGNATURES in hello.extensions:
        assert {0x0403, 0x0804, 0x0201, 0x0203} <= set(hello.listed(SIGNATURES))


@every_tls
def test_facts_4_5_points_master_secret_and_renegotiation_go_along(version: str) -> None:
    hello = read_hello(make_hello(version, HOST, random=RANDOM))

    assert hello.extensions is not None
    assert hello.extensions[POINTS] == b"\x01\x00"
    assert hello.extensions[EXTENDED_MASTER_SECRET] == b""
    assert hello.extensions[RENEGOTIATION] == b"\x00"


@every_choice
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_facts_4_5_at_most_64_suites_and_never_the_fallback_one(version: str, suites: Suites) -> None:
    offered = read_hello(make_hello(version, HOST, random=RANDOM, suites=suites)).suites

    assert 4 <= len(offered) <= MOST_SUITES
    assert len(set(offered)) == len(offered)
    assert FALLBACK not in offered
    assert any(0x1301 <= suite <= 0x1305 for suite in offered) is (version == "TLSv1.3")
    is_for_12 = any(suite in (0xC02F, 0xC030, 0xC02B, 0x009C) for suite in offered)
    assert is_for_12 is (version in ("TLSv1.2", "TLSv1.3"))


def test_facts_4_5_ssl3_suites_are_there() -> None:
    offered = read_hello(make_hello("SSLv3", HOST, random=RANDOM)).suites

    assert offered[:4] == [0x0005, 0x000A, 0x002F, 0x0035]


def test_facts_4_5_ssl2_hello() -> None:
    data = make_hello("SSLv2", HOST, random=RANDOM)
    hello = read_ssl2_hello(data)

    assert data.startswith(bytes.fromhex("802e010002"))
    assert len(data) == 48
    assert hello.version == 0x0002
    assert hello.suites == [0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700C0]
    assert hello.session == b""
    assert hello.challenge == RANDOM[:16]


@given(
    version=st.sampled_from(VERSIONS[1:]),
    suites=st.sampled_from(Suites),
    length=st.integers(0, 253),
    count=st.integers(1, len(GROUPS)),
)
@tries(300)
def test_facts_4_5_no_length_from_256_to_511(version: str, suites: Suites, length: int, count: int) -> None:
    """Whichever length it is that an old F5 looks at: of the hello, its message, or all of it (RFC 7685)."""
    host = ("a" * 50 + ".") * 4 + "b" * 49
    for data in (
        make_hello(version, host[:length], random=RANDOM, suites=suites),
        make_group_hello(host[:length], GROUPS[:count], random=RANDOM),
    ):
        hello = read_hello(data)
        assert not [size for size in hello.sizes if 256 <= size < 512]
        assert hello.name == (host[:length].removesuffix(".") or None) or hello.extensions is None
        if hello.extensions and PADDING in hello.extensions:
            assert set(hello.extensions[PADDING]) == {0}
            assert list(hello.extensions)[-1] == PADDING


@every_choice
@every_tls
def test_facts_4_6_the_name_has_no_final_dot(version: str, suites: Suites) -> None:
    for host in (HOST, f"{HOST}."):
        assert read_hello(make_hello(version, host, random=RANDOM, suites=suites)).name == HOST


@pytest.mark.parametrize(
    "host", ["", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0", "[2001:db8::1]"]
)
def test_facts_4_6_an_address_is_never_sent_as_a_name(host: str) -> None:
    for version in TLS_VERSIONS:
        assert read_hello(make_hello(version, host, random=RANDOM)).name is None
    assert read_hello(make_group_hello(host, GROUPS, random=RANDOM)).name is None


@pytest.mark.parametrize("host", ["mx.example.org", "mx1", "4.example.org", "mail.example.0rg", "1.2.3.4.5"])
def test_facts_4_6_what_only_looks_like_an_address_is_a_name(host: str) -> None:
    assert read_hello(make_hello("TLSv1.2", host, random=RANDOM)).name == host


def test_the_random_is_the_only_difference_between_two_hellos() -> None:
    for version in VERSIONS:
        one, two = (make_hello(version, HOST, random=os.urandom(32)) for _ in range(2))
        size = 16 if version == "SSLv2" else 32
        place = len(one) - 16 if version == "SSLv2" else 11
        assert one != two
        assert one[:place] == two[:place]
        assert one[place + size :] == two[place + size :]


@pytest.mark.parametrize("version", VERSIONS)
def test_random_of_another_length_is_our_own_fault(version: str) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        make_hello(version, HOST, random=bytes(31))
    with pytest.raises(ValueError, match="32 random bytes"):
        make_group_hello(HOST, GROUPS, random=bytes(33))


def test_a_name_that_is_not_ascii_is_our_own_fault() -> None:
    with pytest.raises(ValueError, match="ascii"):
        make_hello("TLSv1.2", "mx.exämple.org", random=RANDOM)


@pytest.mark.parametrize("groups", [GROUPS, (X25519MLKEM768,), (0x0017,)])
def test_a_group_hello_offers_13_alone_with_these_groups(groups: tuple[int, ...]) -> None:
    hello = read_hello(make_group_hello(HOST, groups, random=RANDOM))

    assert hello.listed(SUPPORTED_VERSIONS, length=1) == [0x0304]
    assert hello.listed(SUPPORTED_GROUPS) == list(groups)
    assert hello.listed(KEY_SHARE) == []
    assert all(0x1301 <= suite <= 0x1305 for suite in hello.suites)
    assert hello.name == HOST


@pytest.mark.parametrize("enabled", SETS)
def test_openssl_picks_its_highest_version_of_those_offered(
    enabled: tuple[str, ...], identity: Identity, tmp_path: Path
) -> None:
    servers = [bundled(identity, enabled), system(write_identity(identity, tmp_path), enabled)]
    for offered, server in itertools.product(TLS_VERSIONS, servers):
        suitable = [version for version in enabled if version <= offered]
        for suites in (Suites.USUAL, Suites.FEW, Suites.OTHER):
            answer = answer_of(server, make_hello(offered, HOST, random=os.urandom(32), suites=suites))
            if suitable:
                assert isinstance(answer, ServerHello)
                assert answer.version == max(suitable)
                assert answer.is_retry is (answer.version == "TLSv1.3")
            else:
                assert answer == Alert(2, 70)


@every_tls
@every_choice
def test_openssl_reads_the_name(version: str, suites: Suites, identity: Identity) -> None:
    server = TlsServer(identity, version, version)
    end = server.accept()
    end.feed(make_hello(version, HOST, random=os.urandom(32), suites=suites))

    assert not end.handshake()
    assert server.asked_for == [HOST.encode()]


@pytest.mark.parametrize("group", [X25519MLKEM768, 0x001D, 0x0017, 0x0018])
def test_openssl_asks_for_the_one_group_offered(group: int, identity: Identity) -> None:
    answer = answer_of(
        bundled(identity, TLS_VERSIONS), make_group_hello(HOST, (group,), random=os.urandom(32))
    )

    assert isinstance(answer, ServerHello)
    assert (answer.version, answer.is_retry, answer.group) == ("TLSv1.3", True, group)


def test_openssl_goes_on_from_our_hello_and_not_from_a_broken_one(identity: Identity) -> None:
    """The tests above would notice a hello that OpenSSL refuses."""
    hello = bytearray(make_hello("TLSv1.2", HOST, random=RANDOM))
    hello[45] ^= 0x01  # the length of the suites
    end = TlsServer(identity).accept()
    end.feed(bytes(hello))

    with pytest.raises(SSL.Error):
        end.handshake()


def test_versions_and_their_numbers_belong_together() -> None:
    assert tuple(NUMBERS) == VERSIONS
    assert list(NUMBERS.values()) == sorted(NUMBERS.values())


@given(st.sampled_from(VERSIONS), st.sampled_from(Suites), st.binary(min_size=1, max_size=40))
def test_hellos_are_told_from_anything_else(version: str, suites: Suites, more: bytes) -> None:
    for hello in (
        make_hello(version, HOST, random=RANDOM, suites=suites),
        make_group_hello(HOST, GROUPS, random=RANDOM),
    ):
        assert is_hello(hello)
        assert not is_hello(hello + more)
        assert not is_hello(more + hello)
        assert not is_hello(hello[: -len(more)])
        assert not is_hello(more)


def test_a_hello_is_made_in_well_under_20_microseconds() -> None:
    """Of the best of many runs: a busy machine is no fault of the code."""
    best = 1.0
    for _ in range(20):
        begun = time.perf_counter()
        for _ in range(100):
            make_hello("TLSv1.3", HOST, random=RANDOM)
        best = min(best, (time.perf_counter() - begun) / 100)
    assert best < 20e-6
