"""The profiles' tables, cell by cell, against tables written down here once more."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import pytest

from scanner.config.settings import PROFILES as SETTINGS_PROFILES
from scanner.model import Dane, DaneMatch, DaneStatus, Expectation, Observation, Role, TlsaRecord
from scanner.model.observation import ChainMember, Tls
from scanner.verdict import Policy, judge
from scanner.verdict.cipher_suites import CipherClass, class_of, parse_suite
from scanner.verdict.key_classes import (
    GroupClass,
    KeyClass,
    SignatureClass,
    class_of_group,
    class_of_key,
    class_of_signature,
)
from scanner.verdict.profile_tables import PROFILES, Demand, Grade, Mark
from scanner.verdict.profiles import Aspect, Assessment, certificate_mark, key_faults, session_faults
from scanner.verdict.tls_versions import TLS_VERSIONS
from tests.verdict.observations import CERTIFICATE, NOW, ended, healthy, with_certificate, with_tls

ORDER = ("default", "ncsc", "mozilla-intermediate", "mozilla-modern", "pci")
GRADES = {"+": Grade.PASS, "w": Grade.WARN, "-": Grade.FAIL}
NCSC, MOZILLA, PCI = "NCSC-NL 2025-05", "Mozilla Server Side TLS 6.0", "PCI DSS 4.0.1 requirement 4.2.1"

# One column a profile, in the order above: + passes, w warns, - fails; then the clause of the default profile
# and the place in the guidelines of NCSC-NL. Mozilla's and PCI's clauses are the same everywhere.
VERSIONS = {
    "SSLv2": ("-----", "RFC 6176", "section 3.3.1"),
    "SSLv3": ("-----", "RFC 7568", "section 3.3.1"),
    "TLSv1.0": ("-----", "RFC 8996 section 4", "section 3.3.1"),
    "TLSv1.1": ("-----", "RFC 8996 section 5", "section 3.3.1"),
    "TLSv1.2": ("+++-+", "RFC 9325 section 3.1.1", "section 3.3.1"),
    "TLSv1.3": ("+++++", "RFC 9325 section 3.1.1", "section 3.3.1"),
}
CIPHERS = {
    "TLS_AES_256_GCM_SHA384": ("+++++", "RFC 9325 section 4.3", "appendix B"),
    "TLS_CHACHA20_POLY1305_SHA256": ("+++++", "RFC 9325 section 4.3", "appendix B"),
    "TLS_AES_128_GCM_SHA256": ("+++++", "RFC 9325 section 4.3", "appendix B"),
    "TLS_AES_128_CCM_SHA256": ("++ww+", "RFC 9325 section 4.3", "appendix B"),
    "ECDHE-RSA-AES256-GCM-SHA384": ("+++-+", "RFC 9325 section 4.2", "appendix B"),
    "ECDHE-ECDSA-CHACHA20-POLY1305": ("+++-+", "RFC 9325 section 4.2", "appendix B"),
    "ECDHE-ECDSA-AES256-CCM": ("++w-+", "RFC 9325 section 4.2", "appendix B"),
    "ECDHE-ARIA256-GCM-SHA384": ("+ww-+", "RFC 9325 section 4.2", "appendix B"),
    "TLS_AES_128_CCM_8_SHA256": ("+---+", "RFC 9325 section 4.2", "appendix B"),
    "DHE-RSA-AES128-GCM-SHA256": ("ww--w", "RFC 10015 section 3", "appendix B"),
    "ECDHE-RSA-AES256-SHA384": ("ww--w", "RFC 9325 section 4.2", "appendix B"),
    "ECDHE-RSA-AES128-SHA": ("w---w", "RFC 9325 section 4.2", "appendix B"),
    "DHE-RSA-CAMELLIA256-SHA256": ("ww--w", "RFC 10015 section 3", "appendix B"),
    "DHE-RSA-AES256-SHA": ("w---w", "RFC 10015 section 3", "appendix B"),
    "AES256-GCM-SHA384": ("w---w", "RFC 9325 section 4.1", "appendix B"),
    "DHE-DSS-AES256-GCM-SHA384": ("w----", "RFC 9325 section 4.2", "appendix B"),
    "ECDHE-RSA-RC4-SHA": ("-----", "RFC 9325 section 4.1", "appendix B"),
    "ECDHE-RSA-TWOFISH-SHA": ("+----", "RFC 9325 section 4.2", "appendix B"),
}
GROUPS = {
    "X25519MLKEM768": ("+++++", "section 3.3.2.1"),
    "SecP256r1MLKEM768": ("++ww+", "section 3.3.2.1"),
    "MLKEM768": ("+-ww+", "section 3.3.2.1"),
    "x25519": ("+++++", "section 3.3.2.1"),
    "secp256r1": ("+++++", "section 3.3.2.1"),
    "secp384r1": ("+++++", "section 3.3.2.1"),
    "secp521r1": ("++ww+", "section 3.3.2.1"),
    "x448": ("++ww+", "section 3.3.2.1"),
    "brainpoolP256r1tls13": ("++ww+", "section 3.3.2.1"),
    "ffdhe3072": ("+www+", "section 3.3.3.1"),
    "ffdhe2048": ("+---+", "section 3.3.3.1"),
    "secp224r1": ("+w--+", "section 3.3.2.1"),
    "secp192r1": ("-----", "section 3.3.2.1"),
    "curveSM2": ("+----", "section 3.3.2.1"),
}
KEYS = {
    "RSA 4096": "+++-+",
    "RSA 2048": "+w+-+",
    "EC secp256r1": "+++++",
    "EC secp384r1": "+++++",
    "EC secp521r1": "++ww+",
    "EC brainpoolP256r1": "++ww+",
    "EC secp224r1": "+w--+",
    "EC secp256k1": "+---w",
    "Ed25519": "++ww+",
    "Ed448": "++ww+",
    "RSA 1024": "-----",
    "unknown": "+----",
}
SIGNATURES = {"SHA384": "+++++", "SHA224": "+w--+", "SHA1": "w----"}
CERTIFICATE_GRADES = {"client": ("-----", "RFC 8314 section 4.4"), "mx": ("wwww-", "RFC 7435")}


def clause_of(profile: str, own: str, ncsc: str) -> str:
    level = profile.removeprefix("mozilla-")
    clauses = {"default": own, "ncsc": f"{NCSC} {ncsc}", "pci": PCI}
    return clauses.get(profile, f"{MOZILLA}, {level}")


def cells(table: dict[str, tuple[str, str, str]]) -> list[tuple[str, str, Mark]]:
    """Turn a table into its cells: profile, class, what is expected there."""
    return [
        (profile, name, Mark(GRADES[letter], clause_of(profile, own, ncsc)))
        for name, (letters, own, ncsc) in table.items()
        for profile, letter in zip(ORDER, letters, strict=True)
    ]


def faults(observation: Observation, profile: str) -> list[Assessment]:
    """Return what a profile has against what was seen, as the rules ask for it."""
    held = PROFILES[profile]
    return [*session_faults(observation.tls, held), *key_faults(observation.certificate, held)]


def graded(observation: Observation, profile: str, aspect: Aspect) -> list[Assessment]:
    return [each for each in faults(observation, profile) if each.aspect is aspect]


def marks(observation: Observation, profile: str, aspect: Aspect) -> list[Mark]:
    return [each.mark for each in graded(observation, profile, aspect)]


def only_faults(*cells: Mark) -> list[Mark]:
    """Return the cells that are held against a server: what passes is not."""
    return [mark for mark in cells if mark.grade is not Grade.PASS]


# ------------------------------------------------------------------------------------------ the tables


def test_the_profiles_are_those_of_the_configuration() -> None:
    assert tuple(PROFILES) == SETTINGS_PROFILES == ORDER
    assert [profile.name for profile in PROFILES.values()] == list(PROFILES)


@pytest.mark.parametrize("name", ORDER)
def test_every_table_has_a_cell_for_every_class(name: str) -> None:
    profile = PROFILES[name]
    everything: dict[str, Iterable[str]] = {
        "versions": TLS_VERSIONS,
        "ciphers": CipherClass,
        "groups": GroupClass,
        "keys": KeyClass,
        "signatures": SignatureClass,
        "certificates": Demand,
        "mx_certificates": Demand,
    }
    assert {field.name for field in fields(profile)} == {"name", "title", *everything}
    for table, classes in everything.items():
        assert set(getattr(profile, table)) == set(classes), table
        assert all(mark.clause for mark in getattr(profile, table).values()), table


def test_the_tables_here_have_an_example_of_every_class() -> None:
    assert set(VERSIONS) == set(TLS_VERSIONS)
    assert sorted(class_of(parse_suite(name)) for name in CIPHERS) == sorted(CipherClass)
    assert sorted(map(class_of_group, GROUPS)) == sorted(GroupClass)
    assert sorted(map(class_of_key, KEYS)) == sorted(KeyClass)
    assert {class_of_signature(name) for name in SIGNATURES} == set(SignatureClass)


@pytest.mark.parametrize(("profile", "version", "mark"), cells(VERSIONS))
def test_versions(profile: str, version: str, mark: Mark) -> None:
    assert PROFILES[profile].versions[version] == mark


@pytest.mark.parametrize(("profile", "cipher", "mark"), cells(CIPHERS))
def test_ciphers(profile: str, cipher: str, mark: Mark) -> None:
    assert PROFILES[profile].ciphers[class_of(parse_suite(cipher))] == mark
    found = graded(with_tls(993, "TLSv1.3", cipher), profile, Aspect.CIPHER)
    # Under a version that passes nothing is left out.
    assert [each.mark for each in found] == only_faults(mark)
    assert all(cipher in each.text for each in found)


@pytest.mark.parametrize(
    ("profile", "group", "mark"),
    cells({name: (row[0], "RFC 9325 section 4.5", row[1]) for name, row in GROUPS.items()}),
)
def test_groups(profile: str, group: str, mark: Mark) -> None:
    observation = replace(healthy(993), tls=Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", group))

    assert PROFILES[profile].groups[class_of_group(group)] == mark
    assert marks(observation, profile, Aspect.GROUP) == only_faults(mark)


@pytest.mark.parametrize(
    ("profile", "key", "mark"),
    cells({name: (row, "RFC 9325 section 4.5", "section 3.3.2.1") for name, row in KEYS.items()}),
)
def test_keys(profile: str, key: str, mark: Mark) -> None:
    assert PROFILES[profile].keys[class_of_key(key)] == mark
    assert marks(with_certificate(993, key=key), profile, Aspect.KEY) == only_faults(mark)


@pytest.mark.parametrize(
    ("profile", "digest", "mark"),
    cells({name: (row, "RFC 9325 section 4.5", "section 3.3.5") for name, row in SIGNATURES.items()}),
)
def test_signatures(profile: str, digest: str, mark: Mark) -> None:
    kind = class_of_signature(digest)
    assert kind is not None
    assert PROFILES[profile].signatures[kind] == mark
    assert marks(signed(digest), profile, Aspect.SIGNATURE) == only_faults(mark)


@pytest.mark.parametrize("demand", list(Demand))
@pytest.mark.parametrize("profile", ORDER)
@pytest.mark.parametrize(
    ("role", "who"), [(Role.ACCESS, "client"), (Role.SUBMISSION, "client"), (Role.MX, "mx")]
)
def test_certificates(profile: str, demand: Demand, role: Role, who: str) -> None:
    letters, clause = CERTIFICATE_GRADES[who]
    expected = Mark(GRADES[letters[ORDER.index(profile)]], PCI if profile == "pci" else clause)

    assert certificate_mark(PROFILES[profile], role, demand) == expected


@pytest.mark.parametrize(
    ("profile", "oldest"),
    [(name, "TLSv1.3" if name == "mozilla-modern" else "TLSv1.2") for name in ORDER],
)
def test_the_oldest_version_of_a_profile(profile: str, oldest: str) -> None:
    assert PROFILES[profile].min_tls == oldest


# ---------------------------------------------------------------------------------------- what is seen


def signed(*digests: str, **changes: Any) -> Observation:
    """Return an observation of a chain, with the digests that its certificates are signed with."""
    moment = CERTIFICATE.not_after
    chain = tuple(ChainMember("CN=a", "CN=b", moment, "EC secp256r1", each, "ab" * 32) for each in digests)
    return with_certificate(993, chain=chain, **changes)


@pytest.mark.parametrize("profile", ORDER)
def test_a_port_in_good_order_passes_everywhere(profile: str) -> None:
    assert faults(healthy(993), profile) == []


@pytest.mark.parametrize("profile", ORDER)
def test_nothing_seen_is_nothing_graded(profile: str) -> None:
    assert faults(ended(993), profile) == []
    assert marks(with_tls(993, "TLSv1.2", "AES128-SHA"), profile, Aspect.GROUP) == []
    assert marks(signed("streebog"), profile, Aspect.SIGNATURE) == []


@pytest.mark.parametrize(
    ("profile", "version", "cipher", "is_graded"),
    [
        ("default", "TLSv1.0", "ECDHE-RSA-AES256-SHA", False),
        ("default", "TLSv1", "DHE-RSA-AES256-SHA", False),
        ("default", "TLSv1.0", "AES256-SHA", True),
        ("default", "TLSv1.0", "ECDHE-RSA-DES-CBC3-SHA", True),
        ("default", "TLSv1.2", "ECDHE-RSA-AES256-SHA", True),
        ("mozilla-modern", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", False),
        ("mozilla-modern", "TLSv1.2", "AES256-GCM-SHA384", True),
        ("mozilla-intermediate", "TLSv1.2", "ECDHE-RSA-AES256-SHA", True),
    ],
)
def test_an_old_version_is_the_finding_and_not_its_best_ciphers(
    profile: str, version: str, cipher: str, is_graded: bool
) -> None:
    assert bool(marks(with_tls(993, version, cipher), profile, Aspect.CIPHER)) == is_graded


@pytest.mark.parametrize(
    ("observation", "text", "grade"),
    [
        (
            signed("SHA1", problems=("weak_signature",)),
            "the certificate is signed with SHA-1 or MD5",
            Grade.WARN,
        ),
        (
            signed("SHA256", "SHA1", problems=("weak_signature",)),
            "a certificate of the chain is signed with SHA-1 or MD5",
            Grade.WARN,
        ),
        (
            with_certificate(993, problems=("weak_signature",)),
            "the certificate is signed with SHA-1 or MD5",
            Grade.WARN,
        ),
    ],
)
def test_the_weakest_signature_of_the_chain_counts(observation: Observation, text: str, grade: Grade) -> None:
    (found,) = graded(observation, "default", Aspect.SIGNATURE)

    assert (found.text, found.grade) == (text, grade)


@pytest.mark.parametrize(
    ("key", "problems", "text", "grade"),
    [
        ("RSA 2047", (), "the certificate's key is too weak: RSA 2047", Grade.FAIL),
        ("RSA 1024", ("weak_key",), "the certificate's key is too weak: RSA 1024", Grade.FAIL),
        ("DSA 2048", ("weak_key",), "the certificate's key is too weak: DSA 2048", Grade.FAIL),
        ("RSA 2048", ("weak_key",), "a key in the certificate's chain is too weak", Grade.FAIL),
    ],
)
def test_the_weakest_key_of_the_chain_counts(
    key: str, problems: tuple[str, ...], text: str, grade: Grade
) -> None:
    (found,) = graded(with_certificate(993, key=key, problems=problems), "default", Aspect.KEY)

    assert (found.text, found.grade) == (text, grade)


@pytest.mark.parametrize(
    ("match", "left"),
    [
        (DaneMatch.EE, set()),
        (DaneMatch.TA, {"certificate_expired", "certificate_not_yet_valid", "certificate_name_mismatch"}),
        (
            DaneMatch.MISMATCH,
            {
                *("certificate_expired", "certificate_not_yet_valid"),
                *("certificate_name_mismatch", "certificate_untrusted"),
            },
        ),
    ],
)
def test_dane_stands_in_for_what_it_vouches_for(match: DaneMatch, left: set[str]) -> None:
    dane = Dane(DaneStatus.SECURE, (TlsaRecord(3, 1, 1, b"\xab" * 32),))
    problems = tuple(demand.value for demand in Demand)
    seen = with_certificate(25, problems=problems, trusted=False, name_matches=False)
    endpoint = replace(seen.endpoint, expectation=Expectation(dane=dane))
    verdicts = judge(replace(seen, endpoint=endpoint, dane=match), Policy(profile="pci"), NOW)

    found = {each.id: each for each in verdicts if each.id.startswith("certificate_")}
    assert set(found) == left
    assert all("profile pci forbids" in each.summary for each in found.values())
