"""What the profiles make of names: suites taken apart, groups and keys sorted, and names at random."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Tls
from scanner.verdict.cipher_suites import CipherClass, KeyExchange, Mode, class_of, parse_suite
from scanner.verdict.key_classes import GroupClass, KeyClass, class_of_group, class_of_key
from scanner.verdict.profile_tables import PROFILES, Grade
from scanner.verdict.profiles import session_faults

STRICT = ("ncsc", "mozilla-intermediate", "mozilla-modern", "pci")


@pytest.mark.parametrize(
    ("name", "exchange", "authentication", "encryption", "mode", "digest"),
    [
        ("TLS_AES_128_CCM_8_SHA256", KeyExchange.ANY, "", "AES128", Mode.CCM8, "SHA256"),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", KeyExchange.ECDHE, "ECDSA", "AES256", Mode.GCM, "SHA384"),
        ("ECDHE-ARIA128-GCM-SHA256", KeyExchange.ECDHE, "RSA", "ARIA128", Mode.GCM, "SHA256"),
        ("DHE-RSA-CHACHA20-POLY1305", KeyExchange.DHE, "RSA", "CHACHA20", Mode.POLY1305, "SHA256"),
        ("ECDHE-ECDSA-AES128-CCM8", KeyExchange.ECDHE, "ECDSA", "AES128", Mode.CCM8, "SHA256"),
        ("AES128-SHA", KeyExchange.STATIC, "RSA", "AES128", Mode.CBC, "SHA1"),
        ("ECDH-RSA-AES128-SHA256", KeyExchange.STATIC, "RSA", "AES128", Mode.CBC, "SHA256"),
        ("DHE-DSS-SEED-SHA", KeyExchange.DHE, "DSS", "SEED", Mode.CBC, "SHA1"),
        ("IDEA-CBC-SHA", KeyExchange.STATIC, "RSA", "IDEA", Mode.CBC, "SHA1"),
        ("RSA-PSK-AES256-CBC-SHA384", KeyExchange.STATIC, "PSK", "AES256", Mode.CBC, "SHA384"),
        ("ECDHE-PSK-AES128-CBC-SHA256", KeyExchange.ECDHE, "PSK", "AES128", Mode.CBC, "SHA256"),
        ("SRP-RSA-AES-128-CBC-SHA", KeyExchange.SRP, "RSA", "AES128", Mode.CBC, "SHA1"),
        ("SRP-AES-256-CBC-SHA", KeyExchange.SRP, "SRP", "AES256", Mode.CBC, "SHA1"),
        ("EDH-RSA-DES-CBC3-SHA", KeyExchange.DHE, "RSA", "3DES", Mode.CBC, "SHA1"),
        ("EXP-EDH-RSA-DES-CBC-SHA", KeyExchange.DHE, "RSA", "DES", Mode.CBC, "SHA1"),
        ("AECDH-NULL-SHA", KeyExchange.ECDHE, "", "NULL", Mode.NONE, "SHA1"),
        ("RC4-MD5", KeyExchange.STATIC, "RSA", "RC4", Mode.NONE, "MD5"),
    ],
)
def test_a_suite_taken_apart(
    name: str, exchange: KeyExchange, authentication: str, encryption: str, mode: Mode, digest: str
) -> None:
    suite = parse_suite(name)

    assert suite.is_known
    assert (suite.key_exchange, suite.authentication, suite.encryption) == (
        exchange,
        authentication,
        encryption,
    )
    assert (suite.mode, suite.hash) == (mode, digest)


@pytest.mark.parametrize(
    "name",
    [
        *("", "-", "TLS", "TLS_AES_128_GCM_SHA384", "TLS_AEGIS_256_SHA512", "tls_aes_128_gcm_sha256"),
        *("ECDHE-AES128-GCM-SHA256", "ECDHE-DSS-AES128-GCM-SHA256", "DHE-ECDSA-AES128-GCM-SHA256"),
        *("ECDHE-RSA-AES128-GCM-SHA384", "ECDHE-RSA-AES-128-GCM-SHA256", "ECDHE-RSA-AES128-GCM"),
        *("ECDHE-RSA-CHACHA20-POLY1305-SHA256", "ECDHE-RSA-CHACHA20-SHA256", "ECDHE-RSA-AES128"),
        *("ECDHE-RSA-AES128-POLY1305", "ECDHE-RSA-SEED-GCM-SHA256", "ECDHE-RSA-CAMELLIA128-CCM"),
        *("ecdhe-rsa-aes128-gcm-sha256", "ECDHE-RSA-AES128-GCM-SHA256 ", "ECDHE-RSA-AES128-GCM-SHA256\n"),
        *("GOST2012-KUZNYECHIK-KUZNYECHIKOMAC", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    ],
)
def test_what_is_no_suite_is_unknown(name: str) -> None:
    assert class_of(parse_suite(name)) is CipherClass.UNKNOWN


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("GOST2012-NULL-GOST12", "NULL"),
        ("ADH-AES256-GCM-SHA384", "ADH"),
        ("TLS_RSA_WITH_RC4_128_SHA", "RC4"),
        ("RC4-64-MD5", "RC4"),
        ("des-cbc3-md5", "3DES"),
        ("EXP1024-DES-CBC-SHA", "EXP1024"),
        ("TLS_SHA384_SHA384", "NULL"),
    ],
)
def test_what_is_broken_is_told_even_in_a_name_that_is_not_known(name: str, broken: str) -> None:
    suite = parse_suite(name)

    assert suite.broken == broken
    assert class_of(suite) is CipherClass.BROKEN


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, GroupClass.P_256) for name in ("P-256", "prime256v1", "secp256r1", "SECP256R1")),
        *((name, GroupClass.X25519) for name in ("X25519", "x25519")),
        ("ffdhe8192", GroupClass.FFDHE_3072),
        ("ffdhe1024", GroupClass.SHORT),
        ("secp160r1", GroupClass.SHORT),
        ("brainpoolP224r1", GroupClass.UNKNOWN),
        ("brainpoolP512r1", GroupClass.BRAINPOOL),
        ("secp256k1", GroupClass.UNKNOWN),
        ("X448MLKEM1024", GroupClass.UNKNOWN),
        ("", GroupClass.UNKNOWN),
    ],
)
def test_groups_by_all_their_names(name: str, kind: GroupClass) -> None:
    assert class_of_group(name) is kind


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("RSA 3072", KeyClass.RSA_3072),
        ("RSA 3071", KeyClass.RSA_2048),
        ("RSA 2048", KeyClass.RSA_2048),
        ("EC sect163k1", KeyClass.SHORT),
        ("EC secp192r1", KeyClass.SHORT),
        ("EC sect571r1", KeyClass.OTHER_CURVE),
        ("EC brainpoolP224r1", KeyClass.OTHER_CURVE),
        ("EC x25519", KeyClass.UNKNOWN),
        ("EC ", KeyClass.UNKNOWN),
        ("EC", KeyClass.UNKNOWN),
        ("DSA 3072", KeyClass.SHORT),
        ("RSA", KeyClass.UNKNOWN),
        ("RSA many", KeyClass.UNKNOWN),
        ("", KeyClass.UNKNOWN),
    ],
)
def test_keys_as_a_certificate_describes_them(key: str, kind: KeyClass) -> None:
    assert class_of_key(key) is kind


# ------------------------------------------------------------------------------------- names at random

PASSING = {
    *("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"),
    *("TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"),
    *(
        f"ECDHE-{key}-{cipher}"
        for key in ("RSA", "ECDSA")
        for cipher in (
            *("AES256-GCM-SHA384", "AES128-GCM-SHA256", "CHACHA20-POLY1305"),
            *("AES256-CCM", "AES128-CCM", "AES256-CCM8", "AES128-CCM8"),
            *("ARIA256-GCM-SHA384", "ARIA128-GCM-SHA256", "CAMELLIA256-GCM-SHA384", "CAMELLIA128-GCM-SHA256"),
        )
    ),
    *("ECDHE-ARIA256-GCM-SHA384", "ECDHE-ARIA128-GCM-SHA256"),
    *("DHE-RSA-AES256-CCM8", "DHE-RSA-AES128-CCM8"),
}
"""Every name that passes under one strict profile or another."""

PARTS = st.sampled_from(
    [
        *("ECDHE", "DHE", "EDH", "ADH", "AECDH", "ECDH", "DH", "PSK", "SRP", "KRB5", "GOST2012", "EXP"),
        *("RSA", "ECDSA", "DSS", "AES", "128", "256", "AES128", "AES256", "CHACHA20", "POLY1305", "SM4"),
        *("CAMELLIA128", "ARIA256", "SEED", "IDEA", "DES", "RC4", "NULL", "GCM", "CCM", "CCM8", "CBC", "8"),
        *("SHA", "SHA256", "SHA384", "MD5", "TLS", "WITH", "", "\n", "x"),
    ]
)
NAMES = st.one_of(
    st.text(max_size=60),
    st.lists(PARTS, max_size=7).map("-".join),
    st.lists(PARTS, max_size=6).map("_".join),
)


@given(name=NAMES)
def test_no_name_raises_and_none_unknown_passes_a_strict_profile(name: str) -> None:
    kind = class_of(parse_suite(name))

    for profile in STRICT:
        grade = PROFILES[profile].ciphers[kind].grade
        assert name in PASSING or grade is not Grade.PASS
        assert kind is not CipherClass.UNKNOWN or grade is Grade.FAIL
    assert all(each.clause for each in session_faults(Tls("TLSv1.2", name, None), PROFILES["pci"]))


@given(name=st.one_of(st.text(max_size=30), st.from_regex(r"(EC |RSA |DSA )?[a-zP]{0,9}\d{0,6}[kr]?\d?")))
def test_no_group_and_no_key_raises_and_none_unknown_passes_a_strict_profile(name: str) -> None:
    group, key = class_of_group(name), class_of_key(name)

    for profile in STRICT:
        assert group is not GroupClass.UNKNOWN or PROFILES[profile].groups[group].grade is Grade.FAIL
        assert key is not KeyClass.UNKNOWN or PROFILES[profile].keys[key].grade is Grade.FAIL


def test_the_names_that_pass_here_are_no_more_than_pass_there() -> None:
    pci = PROFILES["pci"].ciphers

    assert {pci[class_of(parse_suite(name))].grade for name in PASSING} == {Grade.PASS}
