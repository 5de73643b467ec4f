"""The servers of canned bytes, seen by bytes written here and by hellos of a real library."""

import pytest

from scanner.model import Protocol, TlsMode
from tests.servers.canned_tls import CASES, StartCanned
from tests.servers.client_hello import ClientHello
from tests.servers.server_hello import RETRY_RANDOM, SENTINEL_12
from tests.servers.tls_certificates import HOST
from tests.servers.tls_client import (
    SECONDS,
    answer_to,
    connected,
    raw_hello,
)
from tests.servers.tls_place import (
    ALL_VERSIONS,
    VERSIONS,
)

SSLV2_HELLO = b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(21) + bytes(range(16))


def old_hello(version: int) -> bytes:
    """Return a hello of SSLv3 to TLS 1.2 without extensions, with one suite."""
    body = bytes([3, version]) + bytes(32) + b"\x00" + b"\x00\x02\x00\x2f" + b"\x01\x00"
    message = b"\x01" + len(body).to_bytes(3) + body
    return bytes([22, 3, version]) + len(message).to_bytes(2) + message


def padded_hello(size: int) -> bytes:
    """Return a hello of TLS 1.2 of just that many bytes (RFC 7685)."""
    plain = old_hello(3)[5:]
    filler = size - len(plain) - 6
    body = plain[4:] + (filler + 4).to_bytes(2) + b"\x00\x15" + filler.to_bytes(2) + bytes(filler)
    message = b"\x01" + len(body).to_bytes(3) + body
    return b"\x16\x03\x01" + len(message).to_bytes(2) + message


def highest_taken(answer: bytes) -> str | None:
    """Return the version of a ServerHello, by what its bytes say."""
    if answer[2:3] == b"\x04" and answer[0] & 0x80:
        return "SSLv2"
    if answer[:1] != b"\x16" or answer[5:6] != b"\x02":
        return None
    if b"\x00\x2b\x00\x02\x03\x04" in answer:
        return "TLSv1.3"
    return {0: "SSLv3", 1: "TLSv1.0", 2: "TLSv1.1", 3: "TLSv1.2"}.get(answer[10])


def hellos_by_version() -> dict[str, bytes]:
    by_hand = {name: old_hello(number) for number, name in enumerate(("SSLv3", *VERSIONS[:3]))}
    return {"SSLv2": SSLV2_HELLO, **by_hand, "TLSv1.3": raw_hello(("TLSv1.3",))}


@pytest.mark.parametrize(
    "name",
    [
        "sslv2",
        "sslv2-and-tls1.2",
        "sslv3",
        "sslv3-to-tls1.2",
        "everything",
        "holes",
        "older-handshake-failure",
    ],
)
@pytest.mark.parametrize("tls_mode", TlsMode)
def test_canned_servers_take_their_versions(name: str, tls_mode: TlsMode, start_canned: StartCanned) -> None:
    server = start_canned(name, Protocol.SMTP, tls_mode)
    answers = {version: answer_to(server.place, hello) for version, hello in hellos_by_version().items()}
    # A hello of up to 1.2 offers what lies below it as well; so the version itself is what counts.
    assert {version for version, answer in answers.items() if highest_taken(answer) == version} == set(
        CASES[name].on
    )
    assert len(server.hellos) == len(ALL_VERSIONS)
    assert [hello.legacy_version for hello in server.hellos] == [2, 0x300, 0x301, 0x302, 0x303, 0x303]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("older-protocol-version", b"\x15\x03\x01\x00\x02\x02\x46"),
        ("older-handshake-failure", b"\x15\x03\x01\x00\x02\x02\x28"),
        ("older-internal-error", b"\x15\x03\x01\x00\x02\x02\x50"),
        ("older-silence", b""),
        ("older-garbage", b"\xe0\xe1"),
        ("older-421", b"421 4.7.0"),
        ("older-http", b"HTTP/1.1 400"),
        ("older-close", b""),
    ],
)
def test_canned_servers_refuse_as_they_are_told(name: str, start: bytes, start_canned: StartCanned) -> None:
    server = start_canned(name)
    answer = answer_to(server.place, old_hello(1))
    assert answer.startswith(start)
    assert bool(answer) == bool(start)
    assert highest_taken(answer_to(server.place, old_hello(3))) == "TLSv1.2"


def test_a_reset_is_a_reset(start_canned: StartCanned) -> None:
    with pytest.raises(ConnectionResetError):
        answer_to(start_canned("older-reset").place, old_hello(1))


def test_silence_is_open_and_close_is_not(start_canned: StartCanned) -> None:
    for name, stays in (("always-silence", True), ("always-close", False)):
        with connected(start_canned(name).place) as connection:
            connection.sendall(old_hello(3))
            connection.settimeout(0.3 if stays else SECONDS)
            if stays:
                with pytest.raises(TimeoutError):
                    connection.recv(1)
            else:
                assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("name", "silent", "answered"),
    [("hang-256-to-511", (256, 300, 511), (255, 512, 600)), ("hang-above-512", (513, 2000), (256, 512))],
)
def test_hanging_servers_hang_on_their_sizes_alone(
    name: str, silent: tuple[int, ...], answered: tuple[int, ...], start_canned: StartCanned
) -> None:
    server = start_canned(name)
    for size in silent:
        assert answer_to(server.place, padded_hello(size)) == b""
    for size in answered:
        assert highest_taken(answer_to(server.place, padded_hello(size))) == "TLSv1.2"
    assert [hello.size for hello in server.hellos] == [*silent, *answered]


def test_odd_forms_of_a_hello(start_canned: StartCanned) -> None:
    hello = old_hello(3)
    assert answer_to(start_canned("warning-first").place, hello).startswith(
        b"\x15\x03\x01\x00\x02\x01\x70\x16"
    )
    assert highest_taken(answer_to(start_canned("byte-by-byte").place, hello)) == "TLSv1.2"
    assert answer_to(start_canned("one-byte-records").place, hello)[:12] == (
        b"\x16\x03\x03\x00\x01\x02\x16\x03\x03\x00\x01\x00"
    )
    assert answer_to(start_canned("sentinel-1.2").place, hello)[11:43].endswith(SENTINEL_12)
    assert answer_to(start_canned("not-offered").place, old_hello(1))[9:11] == b"\x03\x03"
    no_suites = answer_to(start_canned("sslv2-without-suites").place, SSLV2_HELLO)
    assert no_suites[9:11] == b"\x00\x00"


def test_a_hello_retry_request_names_a_group_of_the_client(start_canned: StartCanned) -> None:
    server = start_canned("hello-retry-request")
    answer = answer_to(server.place, raw_hello(("TLSv1.3",)))
    assert answer[11:43] == RETRY_RANDOM
    assert int.from_bytes(answer[-2:]) in server.hellos[0].groups


def test_a_hello_is_read_as_the_library_wrote_it(start_canned: StartCanned) -> None:
    server = start_canned("name-refused")
    assert answer_to(server.place, raw_hello(("TLSv1.0", "TLSv1.3"))).endswith(b"\x02\x70")
    hello: ClientHello = server.hellos[0]
    assert hello.server_name == HOST
    assert hello.offered == set(VERSIONS)
    assert hello.shared_groups <= set(hello.groups)
    assert hello.size == len(hello.raw) - 5
