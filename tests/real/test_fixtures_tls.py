"""The servers of known TLS versions and certificates, seen by Python's own TLS and by openssl."""

import ssl
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography import x509

from scanner.model import Protocol
from tests.servers.openssl_server import DEMAND_CERTIFICATE, StartOpensslServer
from tests.servers.relay import hide_version_1_3, lower_to_1_1, run_relay
from tests.servers.server_hello import SENTINEL_11, SENTINEL_12
from tests.servers.tls_certificates import CHAIN_LENGTH, HOST, KINDS, LARGE_BYTES, CertificateZoo
from tests.servers.tls_client import (
    SECONDS,
    answer_to,
    connected,
    context_for,
    greeting_of,
    raw_hello,
    served_by,
)
from tests.servers.tls_farms import ACCESS_PORTS, IMPLICIT_PORTS, SMTP_PORTS, Farm
from tests.servers.tls_place import (
    RELAXED_CIPHERS,
    VERSIONS,
    TlsPlace,
    every_subset,
    label_of,
)

SUBSETS = pytest.mark.parametrize("versions", every_subset(), ids=label_of)


# ----------------------------------------------------------------------------------------- real servers


@SUBSETS
def test_openssl_serves_its_versions_and_no_others(
    openssl_places: Mapping[frozenset[str], TlsPlace], versions: frozenset[str]
) -> None:
    assert served_by(openssl_places[versions]) == versions == openssl_places[versions].versions


@SUBSETS
def test_postfix_serves_its_versions_on_every_port(postfix_farm: Farm, versions: frozenset[str]) -> None:
    for port in SMTP_PORTS:
        assert served_by(postfix_farm[versions, port]) == versions, port


@SUBSETS
def test_stunnel_serves_its_versions_before_every_protocol(
    stunnel_farm: Farm, versions: frozenset[str]
) -> None:
    for port in IMPLICIT_PORTS:
        assert served_by(stunnel_farm[versions, port]) == versions, port


def test_dovecot_serves_a_version_and_all_above_it(dovecot_farm: Farm) -> None:
    assert len(dovecot_farm) == len(VERSIONS) * len(ACCESS_PORTS)
    for (versions, _), place in dovecot_farm.items():
        assert served_by(place) == versions, place


def test_mail_is_spoken_inside_the_tls_of_stunnel_and_dovecot(stunnel_farm: Farm, dovecot_farm: Farm) -> None:
    everything = frozenset(VERSIONS)
    greetings = {465: b"220 ", 993: b"* OK ", 995: b"+OK "}
    for port, start in greetings.items():
        assert greeting_of(stunnel_farm[everything, port]).startswith(start)
    for port in (993, 995):
        assert greeting_of(dovecot_farm[everything, port]).startswith(greetings[port])


@pytest.mark.parametrize("protocol", Protocol)
def test_a_relay_puts_starttls_before_openssl_and_counts(
    start_openssl_server: StartOpensslServer, protocol: Protocol
) -> None:
    server = start_openssl_server(versions=frozenset({"TLSv1.0", "TLSv1.2"}))
    with run_relay(server, starttls=protocol) as (place, listener):
        assert served_by(place) == {"TLSv1.0", "TLSv1.2"}
        assert listener.connections == len(VERSIONS)


@pytest.mark.parametrize(
    ("rewrite", "sentinel", "version"),
    [(hide_version_1_3, SENTINEL_12, 3), (lower_to_1_1, SENTINEL_11, 2)],
)
def test_a_relay_that_lowers_the_hello_leaves_the_servers_sentinel(
    start_openssl_server: StartOpensslServer, rewrite: Any, sentinel: bytes, version: int
) -> None:
    server = start_openssl_server(versions=frozenset(VERSIONS))
    with run_relay(server, rewrite=rewrite) as (place, _):
        answer = answer_to(place, raw_hello())
        assert answer[9:11] == bytes([3, version])
        assert answer[11:43].endswith(sentinel)
    assert not answer_to(server, raw_hello())[11:43].endswith((SENTINEL_11, SENTINEL_12))


# ---------------------------------------------------------------------------------------- certificates


def presented(place: TlsPlace, *options: str) -> str:
    """Return what `openssl s_client` tells of a server."""
    argv = ["openssl", "s_client", "-connect", f"{place.address}:{place.port}", "-servername", place.host]
    argv += ["-showcerts", "-status", "-cipher", RELAXED_CIPHERS, *options]
    done = subprocess.run(argv, input=b"", capture_output=True, timeout=SECONDS, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


VERIFIES = {
    "good": 0,
    "p-384": 0,
    "ed25519": 0,
    "rsa-1024": 0,
    "rsa-2048": 0,
    "rsa-4096": 0,
    "sha-1": 0,
    "expired": 10,
    "future": 9,
    "other-name": 62,
    "wildcard": 0,
    "idn": 0,
    "self-signed": 18,
    "unknown-ca": 19,
    "missing-intermediate": 21,
    "expired-intermediate": 10,
    "with-root": 0,
    "cross-order": 0,
    "unrelated-in-chain": 0,
    "staple-good": 0,
    "staple-revoked": 0,
    "staple-expired": 0,
    "must-staple": 0,
    "must-staple-broken": 0,
    "chain-of-100": 0,
}
"""What openssl's verification (X509_V_ERR, verify(1)) says of each kind; it does not ask staples."""


def test_every_kind_has_its_expectation() -> None:
    assert {*VERIFIES, "1-mb"} == KINDS.keys()


def test_a_certificate_of_one_megabyte_is_sent_and_openssl_does_not_take_it(
    start_openssl_server: StartOpensslServer,
) -> None:
    place = start_openssl_server("1-mb")
    assert len(answer_to(place, raw_hello(("TLSv1.2",)))) > LARGE_BYTES
    assert "excessive message size" in presented(place)


@pytest.mark.parametrize("kind", VERIFIES)
def test_openssl_judges_each_kind_as_it_was_made(
    kind: str, start_openssl_server: StartOpensslServer, certificate_zoo: CertificateZoo
) -> None:
    place = start_openssl_server(kind)
    wanted = HOST if kind == "other-name" else place.host
    trust = ["-CAfile", str(certificate_zoo.ca_file), "-verify_hostname", wanted, "-auth_level", "0"]
    told = presented(place, *trust)
    assert f"Verify return code: {VERIFIES[kind]} (" in told, told[-1500:]
    assert told.count("BEGIN CERTIFICATE") >= 1 + len(KINDS[kind].sends)


def leaf_of(zoo: CertificateZoo, kind: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(zoo.files(kind).chain_file.read_bytes())[0]


def test_the_files_are_what_their_names_say(certificate_zoo: CertificateZoo) -> None:
    assert leaf_of(certificate_zoo, "sha-1").signature_algorithm_oid._name == "ecdsa-with-SHA1"
    chain = x509.load_pem_x509_certificates(certificate_zoo.files("chain-of-100").chain_file.read_bytes())
    assert len(chain) == CHAIN_LENGTH
    assert len(leaf_of(certificate_zoo, "1-mb").tbs_certificate_bytes) > LARGE_BYTES
    for kind in ("must-staple", "must-staple-broken"):
        wish = leaf_of(certificate_zoo, kind).extensions.get_extension_for_class(x509.TLSFeature)
        assert list(wish.value) == [x509.TLSFeatureType.status_request]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("staple-good", "Cert Status: good"),
        ("staple-revoked", "Cert Status: revoked"),
        ("staple-expired", "Cert Status: good"),
        ("must-staple", "Cert Status: good"),
        ("must-staple-broken", "OCSP response: no response sent"),
        ("good", "OCSP response: no response sent"),
    ],
)
def test_staples_are_sent(kind: str, says: str, start_openssl_server: StartOpensslServer) -> None:
    assert says in presented(start_openssl_server(kind))


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_server_that_demands_a_certificate_ends_without_one(
    version: str, start_openssl_server: StartOpensslServer
) -> None:
    place = start_openssl_server(options=DEMAND_CERTIFICATE)
    with (
        connected(place) as connection,
        pytest.raises(ssl.SSLError, match=r"handshake failure|certificate required"),
        context_for(version).wrap_socket(connection, server_hostname=HOST) as tls,
    ):
        tls.recv(1)  # TLS 1.3 tells it here
