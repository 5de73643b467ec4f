"""Fills in the zones of the tests: addresses, TLSA records of the servers' certificates, long lists."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.servers import zone_names, zone_texts
from tests.servers.certificates import Leaf
from tests.servers.sites import ODD_SUBMISSION_PORT, Sites

TTL = 600


class Signing(Enum):
    """How DNSSEC stands for a zone."""

    NONE = "none"
    """Unsigned, and the parent proves that it is."""
    GOOD = "good"
    WRONG_DS = "wrong DS"
    """Signed, but the parent names another key: all of it is bogus."""
    EXPIRED = "expired"
    """The signatures ran out years ago: all of it is bogus."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: its records, relative to its name, without SOA, NS and DS."""

    name: str
    parent: str | None
    signing: Signing
    records: str


def tlsa(leaf: Leaf, usage: int, selector: int, matching_type: int) -> str:
    """Return the data of a TLSA record (RFC 6698 section 2.1) for what a server shows.

    Usages 1 and 3 are about the first certificate of its chain, usages 0 and 2 about the last.
    """
    chain = x509.load_pem_x509_certificates(leaf.certificate_file.read_bytes())
    certificate = chain[-1] if usage in {0, 2} else chain[0]
    if selector == 0:
        data = certificate.public_bytes(Encoding.DER)
    else:
        data = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if matching_type:
        data = hashlib.new({1: "sha256", 2: "sha512"}[matching_type], data).digest()
    return f"{usage} {selector} {matching_type} {data.hex()}"


def _relative(host: str, zone: str) -> str:
    return host.removesuffix("." + zone) if host.endswith("." + zone) else host + "."


def _policy_lines(zone: str, web: str) -> str:
    """An MTA-STS record and its web host for the zone's domains; the MX where it is not written above."""
    lines = []
    for domain, host in zone_names.STS_HOST.items():
        if not domain.endswith("." + zone):
            continue
        label = _relative(domain, zone)
        lines += [
            f'_mta-sts.{label} TXT "v=STSv1; id={label.replace("-", "")}1;"',
            f"mta-sts.{label} A {web}",
        ]
        if label != "complete":
            lines.append(f"{label} MX 10 {_relative(host, zone)}")
    return "\n".join(lines)


def _web_lines(web: str) -> str:
    domains = [*zone_names.AUTOCONFIG_DOMAINS, *zone_names.AUTODISCOVER_DOMAINS]
    lines = [f"{_relative(domain, 'plain.test')} MX 10 mx" for domain in (*domains, "listed.plain.test")]
    hosts = [name for name in zone_names.web_hosts() if not name.startswith("mta-sts.")]
    return "\n".join([*lines, *(f"{_relative(name, 'plain.test')} A {web}" for name in hosts)])


def _crowd_lines() -> str:
    return "\n".join(f"{_relative(domain, 'plain.test')} MX 10 mx" for domain in zone_names.crowd())


def _numbered(owner: str, numbers: Iterable[int]) -> str:
    return "\n".join(f"{owner} MX {number} mx{number}" for number in numbers)


def _plain_records(sites: Sites) -> str:
    ten_hosts = "\n".join(f"mx{number} A {sites.mail['ca'].address}" for number in range(10))
    strings = ["v=STSv1; id=huge; ".ljust(255, "x"), *["x" * 255] * 249]
    huge = " ".join(f'"{string}"' for string in strings)
    return zone_texts.PLAIN.format(
        **_addresses(sites),
        six=zone_texts.SIX_SERVICES.format(name="complete"),
        odd_port=ODD_SUBMISSION_PORT,
        ten=ten_hosts + "\n" + _numbered("ten", range(10)),
        three_hundred=_numbered("three-hundred", range(300)),
        huge_txt=f"( {huge} )",
        ee_311=tlsa(sites.mail["ee"].leaf, 3, 1, 1),
        web=_web_lines(sites.web),
        policies=_policy_lines("plain.test", sites.web),
        crowd=_crowd_lines(),
    )


def _secure_records(sites: Sites) -> str:
    leaf = {name: site.leaf for name, site in sites.mail.items()}
    return zone_texts.SECURE.format(
        **_addresses(sites),
        six=zone_texts.SIX_SERVICES.format(name="complete"),
        complete_311=tlsa(sites.complete_leaf, 3, 1, 1),
        other_311=tlsa(sites.other_leaf, 3, 1, 1),
        ee_311=tlsa(leaf["ee"], 3, 1, 1),
        ee_302=tlsa(leaf["ee"], 3, 0, 2),
        odd_311=tlsa(leaf["odd"], 3, 1, 1),
        ta_211=tlsa(leaf["ta"], 2, 1, 1),
        ta_201=tlsa(leaf["ta"], 2, 0, 1),
        bare_311=tlsa(leaf["bare"], 3, 1, 1),
        ca_111=tlsa(leaf["ca"], 1, 1, 1),
        policies=_policy_lines("secure.test", sites.web),
    )


def _addresses(sites: Sites) -> dict[str, str]:
    return {
        "complete": sites.complete,
        "nobody": sites.nobody,
        "resolver": sites.resolver,
        **{name: site.address for name, site in sites.mail.items()},
    }


def make_zones(sites: Sites) -> list[Zone]:
    """Return all zones, every child before its parent; a resolver has its anchor for `test`."""
    ca = sites.mail["ca"]
    ca_311 = tlsa(ca.leaf, 3, 1, 1)
    bogus = zone_texts.BOGUS.format(ca=ca.address, ca_311=ca_311)
    broken = zone_texts.BROKEN_TLSA.format(ca_311=ca_311)
    return [
        Zone("_tcp.broken-tlsa.secure.test", "secure.test", Signing.WRONG_DS, broken),
        Zone("secure.test", "test", Signing.GOOD, _secure_records(sites)),
        Zone("plain.test", "test", Signing.NONE, _plain_records(sites)),
        Zone("bogus.test", "test", Signing.WRONG_DS, bogus),
        Zone("expired.test", "test", Signing.EXPIRED, bogus),
        Zone("test", None, Signing.GOOD, f"ns A {sites.authority}\n"),
    ]
