"""Every kind of certificate a server may present, by `openssl s_server`: what is seen, how it is judged."""

from dataclasses import replace

import pytest

from tests.probe.sweeping import endpoint_at, prober_for
from tests.servers.openssl_server import DEMAND_CERTIFICATE, StartOpensslServer
from tests.servers.tls_certificates import CHAIN_LENGTH, HOST, KINDS, CertificateZoo

JUDGED: dict[str, tuple[set[str], str | None]] = {
    "good": (set(), None),
    "p-384": (set(), None),
    "ed25519": (set(), None),
    "rsa-1024": ({"key_weak"}, None),
    "rsa-2048": (set(), None),
    "rsa-4096": (set(), None),
    "sha-1": ({"key_weak"}, None),
    "expired": ({"certificate_expired"}, None),
    "future": ({"certificate_not_yet_valid"}, None),
    "other-name": ({"certificate_name_mismatch"}, None),
    "wildcard": (set(), None),
    "idn": (set(), None),
    "self-signed": ({"certificate_untrusted"}, "self_signed"),
    "unknown-ca": ({"certificate_untrusted"}, "unknown_ca"),
    "missing-intermediate": ({"certificate_untrusted"}, "incomplete_chain"),
    "expired-intermediate": ({"certificate_expired"}, None),
    "with-root": (set(), None),
    "cross-order": (set(), None),
    "unrelated-in-chain": (set(), None),
    "staple-good": (set(), None),
    "staple-revoked": ({"certificate_revoked"}, None),
    "staple-expired": ({"ocsp_staple_invalid"}, None),
    "must-staple": (set(), None),
    "must-staple-broken": ({"ocsp_staple_missing"}, None),
    "chain-of-100": ({"certificate_untrusted"}, "chain_too_long"),
}
"""The verdicts on the certificate, and why its chain leads to no trusted CA."""
ABOUT_CERTIFICATES = ("certificate_", "key_", "ocsp_")
SECONDS = 1.0
"""Nothing is said inside these servers' TLS, so a probe ends there by its time limit."""


def test_every_kind_but_the_one_that_openssl_refuses_is_judged() -> None:
    assert {*JUDGED, "1-mb"} == KINDS.keys()


@pytest.mark.parametrize("kind", JUDGED)
async def test_each_kind_is_seen_and_judged(
    kind: str, start_openssl_server: StartOpensslServer, certificate_zoo: CertificateZoo
) -> None:
    endpoint = endpoint_at(start_openssl_server(kind))
    if kind == "other-name":
        endpoint = replace(endpoint, host=HOST)
    prober = prober_for(certificate_zoo.ca_file, seconds=SECONDS)

    observation = await prober.probe(endpoint)

    verdicts, fault = JUDGED[kind]
    told = {each.id for each in observation.verdicts if each.id.startswith(ABOUT_CERTIFICATES)}
    assert told == verdicts, observation.certificate
    certificate = observation.certificate
    assert certificate is not None
    assert certificate.trust_fault == fault
    assert certificate.demands_staple == kind.startswith("must-staple")
    assert certificate.chain_length == (
        CHAIN_LENGTH if kind == "chain-of-100" else 1 + len(KINDS[kind].sends)
    )


async def test_a_certificate_of_one_megabyte_ends_the_handshake_in_words(
    start_openssl_server: StartOpensslServer, certificate_zoo: CertificateZoo
) -> None:
    prober = prober_for(certificate_zoo.ca_file, seconds=SECONDS)
    observation = await prober.probe(endpoint_at(start_openssl_server("1-mb")))
    assert observation.reason == "tls_handshake_failed"
    assert "excessive message size" in (observation.detail or "")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
async def test_a_server_that_demands_a_certificate_of_us_is_no_fault_of_its_own_certificate(
    version: str, start_openssl_server: StartOpensslServer, certificate_zoo: CertificateZoo
) -> None:
    place = start_openssl_server("good", frozenset({version}), DEMAND_CERTIFICATE)
    observation = await prober_for(certificate_zoo.ca_file, seconds=SECONDS).probe(endpoint_at(place))
    assert observation.reason is not None
    words = observation.detail or ""
    assert "certificate required" in words or "handshake failure" in words, observation
    assert not [each for each in observation.verdicts if each.id.startswith(ABOUT_CERTIFICATES)]
