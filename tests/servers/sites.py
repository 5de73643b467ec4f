"""The addresses and certificates of all that the zones of the tests point at, known before servers start."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import zone_names
from tests.servers.certificates import Authority, Leaf, create_authority
from tests.servers.process import reserved_address

NETWORK = "127.0.31"
DNS_PORT = 53
WEB_PORTS = (80, 443)
MAIL_PORTS = (25, 465, 587, 143, 993, 110, 995)
ODD_SUBMISSION_PORT = 2587


@dataclass(frozen=True, slots=True)
class MailSite:
    """An address for SMTP, the name in its greeting, and what it shows after STARTTLS."""

    host: str
    address: str
    leaf: Leaf
    offers_starttls: bool = True


@dataclass(frozen=True, slots=True)
class Sites:
    """Where everything lies. A test that wants one of the servers to run asks for that server's fixture."""

    authority: str
    resolver: str
    web: str
    complete: str
    """All seven mail ports (fixture `complete_host`)."""
    nobody: str
    """Nothing listens here on a mail, web or DNS port."""
    mail: Mapping[str, MailSite]
    """Port 25 (fixture `dane_hosts`): `ca`, `ee`, `odd`, `ta`, `bare`."""
    complete_leaf: Leaf
    web_leaf: Leaf
    web_expired_leaf: Leaf
    other_leaf: Leaf
    """A certificate that no server shows: the source of wrong TLSA records."""
    ca_file: Path
    """The authority that a client is to trust; the one behind `ta` is another."""


def self_signed(folder: Path, *names: str, days: int = 90) -> Leaf:
    """Make a certificate that is its own issuer; a negative number of days makes it expired."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).replace(microsecond=0)
    not_after = now + timedelta(days=days)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, not_after) - timedelta(days=1))
        .not_valid_after(not_after)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = certificate.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    stem = folder / names[0]
    leaf = Leaf(names, Path(f"{stem}.crt"), Path(f"{stem}.key"), Path(f"{stem}.pem"), not_after)
    leaf.certificate_file.write_bytes(chain)
    leaf.key_file.write_bytes(key_pem)
    leaf.bundle_file.write_bytes(key_pem + chain)
    return leaf


def _make_mail_sites(folder: Path, authority: Authority, address: Mapping[str, str]) -> dict[str, MailSite]:
    own = folder / "self-signed"
    private = create_authority(folder / "private-authority")
    return {
        "ca": MailSite("mx.plain.test", address["ca"], authority.issue(*zone_names.CA_SIGNED_HOSTS)),
        "ee": MailSite("ee.secure.test", address["ee"], self_signed(own, "ee.secure.test")),
        "odd": MailSite("odd.secure.test", address["odd"], self_signed(own, "old-name.test", days=-3)),
        "ta": MailSite(
            "ta.secure.test", address["ta"], private.issue("ta.secure.test", "ta-full.secure.test")
        ),
        "bare": MailSite("bare.secure.test", address["bare"], self_signed(own, "bare.secure.test"), False),
    }


@pytest.fixture(scope="session")
def sites(server_folder: Path, authority: Authority) -> Iterator[Sites]:
    """Reserve one loopback address for each server of the zones, and make their certificates."""
    folder = server_folder / "sites"
    with ExitStack() as stack:

        def reserve(*ports: int) -> str:
            return stack.enter_context(reserved_address(NETWORK, ports))

        mail_addresses = {
            name: reserve(25, ODD_SUBMISSION_PORT) for name in ("ca", "ee", "odd", "ta", "bare")
        }
        yield Sites(
            authority=reserve(DNS_PORT),
            resolver=reserve(DNS_PORT),
            web=reserve(*WEB_PORTS),
            complete=reserve(*MAIL_PORTS),
            nobody=reserve(*MAIL_PORTS, *WEB_PORTS, DNS_PORT),
            mail=_make_mail_sites(folder, authority, mail_addresses),
            complete_leaf=authority.issue(*zone_names.COMPLETE_HOSTS),
            web_leaf=authority.issue(*zone_names.web_hosts()),
            web_expired_leaf=authority.issue(zone_names.EXPIRED_WEB_HOST, days=-2),
            other_leaf=self_signed(folder / "self-signed", "other.test"),
            ca_file=authority.ca_file,
        )
