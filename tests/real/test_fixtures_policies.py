"""The DANE hosts, the complete host and the policy web of the zones, seen by clients that are not ours."""

import http.client
import smtplib
import socket
import ssl
import subprocess

import pytest

from tests.servers import zone_names
from tests.servers.dane_postfix import DaneHosts
from tests.servers.dns_client import ask, records
from tests.servers.mail_host import MailHost
from tests.servers.name_service import NameService
from tests.servers.policy_web import HUGE_BYTES, STS_PATH, PolicyWeb
from tests.servers.process import accepts
from tests.servers.sites import MAIL_PORTS, Sites

SECONDS = 10.0


@pytest.mark.parametrize(
    ("host", "is_right"),
    [
        ("ee", True),
        ("ee-full", True),
        ("rollover", True),
        ("odd", True),
        ("ta", True),
        ("ta-full", True),
        ("ta-name", False),
        ("wrong", False),
    ],
)
def test_openssl_judges_the_published_tlsa_records(
    name_service: NameService, dane_hosts: DaneHosts, host: str, is_right: bool
) -> None:
    name = f"{host}.secure.test"
    (address,) = records(ask(name_service.resolver, name, "A"), "A")
    argv = ["openssl", "s_client", "-starttls", "smtp", "-connect", f"{address}:25", "-verify_return_error"]
    argv += ["-brief", "-dane_tlsa_domain", name]
    published = records(ask(name_service.resolver, f"_25._tcp.{name}", "TLSA"), "TLSA")
    for record in published:
        argv += ["-dane_tlsa_rrdata", record]
    if published[0].startswith("3"):
        argv.append("-dane_ee_no_namechecks")
    found = subprocess.run(argv, input="QUIT\r\n", capture_output=True, text=True, timeout=30, check=False)
    assert ("Verification: OK" in found.stderr) is is_right, found.stderr
    assert found.stderr.count("CONNECTION ESTABLISHED") == is_right


def test_each_site_has_its_name_and_the_bare_one_no_starttls(dane_hosts: DaneHosts) -> None:
    for site in dane_hosts.sites.values():
        with smtplib.SMTP(site.address, 25, "client.test", SECONDS) as client:
            assert client.ehlo()[1].startswith(site.host.encode("ascii") + b"\n")
            assert client.has_extn("starttls") is site.offers_starttls


def test_the_ca_signed_site_is_trusted_at_every_name(dane_hosts: DaneHosts, sites: Sites) -> None:
    trust = ssl.create_default_context(cafile=str(sites.ca_file))
    for name in ("mx.plain.test", "mx.secure.test", "mx9.plain.test"):
        with smtplib.SMTP(sites.mail["ca"].address, 25, "client.test", SECONDS) as client:
            client._host = name  # type: ignore[attr-defined]  # the name that smtplib holds the certificate against
            assert client.starttls(context=trust)[0] == 220


def test_the_complete_host_serves_what_its_srv_records_say(
    name_service: NameService, complete_host: MailHost
) -> None:
    services = ("submissions", "submission", "imaps", "imap", "pop3s", "pop3")
    answers = [ask(name_service.resolver, f"_{name}._tcp.complete.plain.test", "SRV") for name in services]
    ports = [int(record.split()[2]) for answer in answers for record in records(answer, "SRV")]
    assert sorted([25, *ports]) == sorted(MAIL_PORTS)
    assert all(accepts(complete_host.address, port) for port in ports)


def test_nobody_answers_at_the_silent_address(sites: Sites) -> None:
    assert not any(accepts(sites.nobody, port) for port in MAIL_PORTS)


# ----------------------------------------------------------------------------------------------------- web


def fetch(name_service: NameService, sites: Sites, url: str) -> tuple[int, dict[str, str], bytes]:
    """Get a page over a connection to the address that the zone has for the host."""
    scheme, _, host, path = url.split("/", 3)
    (address,) = records(ask(name_service.resolver, host, "A"), "A")
    trust = ssl.create_default_context(cafile=str(sites.ca_file))
    with socket.create_connection((address, 443 if scheme == "https:" else 80), SECONDS) as plain:
        stream = trust.wrap_socket(plain, server_hostname=host) if scheme == "https:" else plain
        with stream:
            connection = http.client.HTTPConnection(host)
            connection.sock = stream
            connection.request("GET", f"/{path}", headers={"Connection": "close"})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()


def policy_of(name_service: NameService, sites: Sites, domain: str) -> tuple[int, dict[str, str], bytes]:
    return fetch(name_service, sites, f"https://mta-sts.{domain}{STS_PATH}")


@pytest.mark.parametrize(
    ("domain", "lines"),
    [
        ("complete.plain.test", [b"mode: enforce", b"mx: mail.complete.plain.test"]),
        ("complete.secure.test", [b"mode: enforce", b"mx: mail.complete.secure.test"]),
        ("sts-testing.plain.test", [b"mode: testing", b"mx: mx.plain.test"]),
        ("sts-none.plain.test", [b"mode: none"]),
        ("sts-mismatch.plain.test", [b"mode: enforce", b"mx: mx.elsewhere.test"]),
    ],
)
def test_policies_are_served(
    name_service: NameService, policy_web: PolicyWeb, sites: Sites, domain: str, lines: list[bytes]
) -> None:
    seen = len(policy_web.requests)
    status, headers, body = policy_of(name_service, sites, domain)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert body.splitlines() == [b"version: STSv1", *lines, b"max_age: 86400"]
    assert policy_web.urls()[seen:] == [f"https://mta-sts.{domain}{STS_PATH}"]


def test_every_domain_with_a_policy_has_record_host_and_mx(name_service: NameService, sites: Sites) -> None:
    for domain, host in zone_names.STS_HOST.items():
        (text,) = records(ask(name_service.resolver, f"_mta-sts.{domain}", "TXT"), "TXT")
        assert text.startswith('"v=STSv1; id=')
        assert records(ask(name_service.resolver, f"mta-sts.{domain}", "A"), "A") == [sites.web]
        assert records(ask(name_service.resolver, domain, "MX"), "MX") == [f"10 {host}."]
        assert records(ask(name_service.resolver, host, "A"), "A")


def test_policies_that_cannot_be_had(name_service: NameService, policy_web: PolicyWeb, sites: Sites) -> None:
    assert policy_of(name_service, sites, "sts-404.plain.test")[0] == 404
    assert policy_of(name_service, sites, "sts-redirect.plain.test")[0] == 301
    assert len(policy_of(name_service, sites, "sts-huge.plain.test")[2]) == HUGE_BYTES
    assert policy_of(name_service, sites, "sts-html.plain.test")[1]["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("domain", "code"), [("sts-expired.plain.test", 10), ("sts-wrong-name.plain.test", 62)]
)
def test_web_certificates_that_are_wrong(
    name_service: NameService, policy_web: PolicyWeb, sites: Sites, domain: str, code: int
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        policy_of(name_service, sites, domain)
    assert caught.value.verify_code == code


def test_configurations_and_exchange(name_service: NameService, policy_web: PolicyWeb, sites: Sites) -> None:
    def get(url: str) -> tuple[int, dict[str, str], bytes]:
        return fetch(name_service, sites, url)

    path = "mail/config-v1.1.xml"
    assert b"<hostname>mail.complete.plain.test<" in get(f"https://autoconfig.auto.plain.test/{path}")[2]
    assert get(f"https://autoconfig.auto-http.plain.test/{path}")[0] == 404
    assert get(f"http://autoconfig.auto-http.plain.test/{path}")[0] == 200
    assert get(f"https://auto-well-known.plain.test/.well-known/autoconfig/{path}")[0] == 200
    assert get("https://ispdb.plain.test/v1.1/listed.plain.test")[0] == 200
    assert get("https://ispdb.plain.test/v1.1/crowd1.plain.test")[0] == 404
    exchange = "plain.test/autodiscover/autodiscover.xml"
    status, headers, _ = get(f"https://autodiscover.exchange.{exchange}")
    assert (status, headers["www-authenticate"].split()[0]) == (401, "Basic")
    assert get(f"https://autodiscover.exchange-moved.{exchange}")[1]["location"].startswith(
        "https://autodiscover-s.outlook.com/"
    )
