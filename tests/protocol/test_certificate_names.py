"""Which name a certificate is valid for: the host's own, or the mail domain's where SRV led there."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from scanner.protocol import TlsClient
from scanner.protocol.names import MAX_DOMAINS
from scanner.protocol.tls import DomainClient
from tests.protocol.certificate_zoo import make_leaf, show, signer_of, words_of
from tests.protocol.identities import HOST, Authority, Identity, name_of
from tests.protocol.tls_server import TlsServer, connect

DOMAIN = "example.net"
IDN = "xn--bcher-kva.example"


def identity_for(ca: Authority, *names: str) -> Identity:
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    return make_leaf(ca, signer_of(ca.root), alternatives)


@pytest.mark.parametrize(
    ("names", "host", "domains", "matched"),
    [
        ((HOST,), HOST, (), "host"),
        ((HOST,), HOST, (DOMAIN,), "host"),
        ((HOST, DOMAIN), HOST, (DOMAIN,), "host"),
        ((DOMAIN,), HOST, (DOMAIN,), "domain"),
        ((DOMAIN,), HOST, (), None),
        ((DOMAIN,), HOST, (DOMAIN, "example.com"), None),
        ((DOMAIN, "example.com"), HOST, (DOMAIN, "example.com"), "domain"),
        (("*.example.net",), HOST, (DOMAIN,), None),
        (("mail.example.net",), HOST, (DOMAIN,), None),
        (("*.example.org",), HOST, (), "host"),
        (("mx.*.org",), HOST, (), None),
        (("m*.example.org",), HOST, (), None),
        (("*x.example.org",), HOST, (), None),
        (("*.*.org",), HOST, (), None),
        (("*.example.org",), "a.mx.example.org", (), None),
        ((IDN,), IDN, (), "host"),
        (("*.example",), IDN, (), None),
        (("*.xn--bcher-kva.example",), f"mx.{IDN}", (), "host"),
        (("xn--*.example",), IDN, (), None),
        (("xn--bcher-*.example",), IDN, (), None),
        (("MX.EXAMPLE.ORG",), HOST, (), "host"),
        (("mx.example.org\0.evil.example",), HOST, (), None),
        (("mx.example.org\0",), HOST, (), None),
        (("192.0.2.1",), "192.0.2.1", (), None),
    ],
)
def test_the_name_that_matched(
    names: tuple[str, ...],
    host: str,
    domains: tuple[str, ...],
    matched: str | None,
    tls: TlsClient,
    certificates: Authority,
) -> None:
    found = show(tls, identity_for(certificates, *names), host=host, domains=domains)

    assert found.matched_name == matched
    assert found.name_matches is (matched == "host")
    assert found.problems == (() if matched == "host" else ("name_mismatch",))
    assert words_of(found) == ([] if matched == "host" else [("name_mismatch", 0)])


def test_a_nul_in_a_name_is_shown_as_what_it_is(tls: TlsClient, certificates: Authority) -> None:
    found = show(tls, identity_for(certificates, "mx.example.org\0.evil.example"))

    assert found.names == (r"mx.example.org\x00.evil.example",)


def test_the_words_tell_a_domain_s_name_from_none(tls: TlsClient, certificates: Authority) -> None:
    identity = identity_for(certificates, DOMAIN)

    said = [show(tls, identity, domains=domains).problem_details[0].text for domains in ((DOMAIN,), ())]

    assert said == [
        f"the certificate names the mail domain and not {HOST}, which clients accept",
        f"the certificate does not name {HOST}",
    ]


def test_a_common_name_counts_for_nothing(tls: TlsClient, certificates: Authority) -> None:
    root = certificates.root
    leaf = certificates.start(name_of(HOST), root.name, certificates.key, (-1, 1))
    signed = leaf.sign(root.key, hashes.SHA256())

    found = show(tls, Identity(certificates.key, (signed,)), domains=(HOST,))

    assert (found.subject, found.names, found.matched_name) == (f"CN={HOST}", (), None)


def test_more_domains_than_a_certificate_can_name_are_not_looked_for(
    tls: TlsClient, certificates: Authority
) -> None:
    domains = tuple(f"d{number}.example" for number in range(MAX_DOMAINS + 1))
    identity = identity_for(certificates, *domains)

    assert show(tls, identity, domains=domains[:-1]).matched_name == "domain"
    assert show(tls, identity, domains=domains).matched_name is None


def test_each_endpoint_has_its_own_answer(tls: TlsClient, certificates: Authority) -> None:
    """The same certificate of the same host is remembered; what is expected of it may differ."""
    identity = identity_for(certificates, DOMAIN)
    asked = [(DOMAIN,), (), ("example.com",), (DOMAIN,)]

    assert [show(tls, identity, domains=each).matched_name for each in asked] == [
        "domain",
        None,
        None,
        "domain",
    ]


def test_a_client_for_domains_expects_them_and_remembers_as_the_client_does(
    tls: TlsClient, certificates: Authority
) -> None:
    tunnel = DomainClient(tls, (DOMAIN,)).tunnel(HOST, "192.0.2.1 993")
    server = TlsServer(identity_for(certificates, DOMAIN))
    connect(tunnel, server.accept())

    found = tunnel.certificate()

    assert found is not None
    assert (found.matched_name, found.name_matches) == ("domain", False)
    assert server.asked_for == [HOST.encode()]
