"""Verdicts about the TLS session and the certificate."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scanner.model import Kind, Observation, Reason, Severity
from scanner.verdict import Policy
from tests.verdict.observations import NOW, ended, find, healthy, with_certificate, with_tls

C, W, N = Severity.CRITICAL, Severity.WARNING, Severity.NOTICE
MODERN = "ECDHE-RSA-AES256-GCM-SHA384"


@pytest.mark.parametrize(("port", "severity"), [(25, C), (587, C), (143, W), (110, W)])
def test_tls_on_plaintext_port(port: int, severity: Severity) -> None:
    """TLS first where a greeting in clear belongs (F24)."""
    observation = ended(port, reason=Reason.TLS_ON_PLAINTEXT_PORT, detail="a TLS record")
    verdict = find(observation, "tls_on_plaintext_port")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.MISCONFIGURATION, severity)
    assert "a TLS record" in verdict.summary


def test_no_tls_on_plaintext_port() -> None:
    """A silent port does not speak TLS."""
    assert find(ended(25, reason=Reason.NO_GREETING), "tls_on_plaintext_port") is None


@pytest.mark.parametrize(
    ("port", "version", "min_tls", "severity"),
    [
        (465, "TLSv1.0", "TLSv1.2", C),
        (465, "TLSv1", "TLSv1.2", C),
        (993, "TLSv1.1", "TLSv1.2", C),
        (25, "TLSv1.0", "TLSv1.2", W),
        (465, "TLSv1.2", "TLSv1.3", C),
        (465, "SSLv3", "TLSv1.0", C),
        (465, "TLSv1.2", "TLSv1.2", None),
        (465, "TLSv1.3", "TLSv1.2", None),
        (465, "TLSv1.1", "TLSv1.0", None),
        (465, "TLSv9", "TLSv1.2", None),
    ],
)
def test_tls_version_below_policy(port: int, version: str, min_tls: str, severity: Severity | None) -> None:
    """Older than the policy is a downgrade (D12); what is unknown is not called old."""
    verdict = find(with_tls(port, version, MODERN), "tls_version_below_policy", Policy(min_tls=min_tls))

    assert (verdict and verdict.severity) == severity
    if verdict is not None:
        assert verdict.kind is Kind.DOWNGRADE
        assert version in verdict.summary
        assert min_tls in verdict.summary


def test_no_tls_version_without_tls() -> None:
    """Without a session there is no version."""
    assert find(ended(465, reason=Reason.TLS_CLOSED), "tls_version_below_policy") is None


@pytest.mark.parametrize(
    ("version", "cipher", "severity"),
    [
        ("TLSv1.2", "RC4-SHA", C),
        ("TLSv1.2", "ECDHE-RSA-RC4-SHA", C),
        ("TLSv1.2", "DES-CBC3-SHA", C),
        ("TLSv1.0", "ECDHE-RSA-DES-CBC3-SHA", C),
        ("TLSv1.2", "NULL-SHA256", C),
        ("TLSv1.2", "ECDHE-RSA-NULL-SHA", C),
        ("TLSv1.0", "EXP-RC4-MD5", C),
        ("TLSv1.0", "DES-CBC-SHA", C),
        ("TLSv1.2", "ADH-AES256-GCM-SHA384", C),
        ("TLSv1.2", "AECDH-AES128-SHA", C),
        ("TLSv1.3", "TLS_SHA256_SHA256", C),
        ("TLSv1.2", "AES256-GCM-SHA384", W),
        ("TLSv1.2", "AES128-SHA", W),
        ("TLSv1.0", "AES128-SHA", W),
        ("TLSv1.2", "ECDHE-RSA-AES256-SHA384", W),
        ("TLSv1.2", "DHE-RSA-CAMELLIA256-SHA", W),
        ("TLSv1.0", "ECDHE-RSA-AES256-SHA", None),
        ("TLSv1.2", MODERN, None),
        ("TLSv1.2", "DHE-RSA-AES128-GCM-SHA256", W),
        ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", None),
        ("TLSv1.2", "ECDHE-ECDSA-AES128-CCM8", None),
        ("TLSv1.3", "TLS_AES_128_GCM_SHA256", None),
        ("TLSv1.3", "TLS_AES_128_CCM_8_SHA256", None),
        ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", None),
        ("TLSv1.2", "", None),
    ],
)
def test_cipher_weak(version: str, cipher: str, severity: Severity | None) -> None:
    """Broken ciphers are critical; CBC, DHE and static RSA are a warning (D14)."""
    verdict = find(with_tls(993, version, cipher), "cipher_weak")

    assert (verdict and verdict.severity) == severity
    if verdict is not None:
        assert verdict.kind is Kind.WEAKNESS
        assert cipher in verdict.summary


@pytest.mark.parametrize(
    ("port", "capability", "is_proxied"),
    [
        (587, "STARTTLS", True),
        (465, "starttls", True),
        (143, "STARTTLS", True),
        (110, "STLS", True),
        (110, "STARTTLS", False),
        (587, "STLS", False),
        (587, "X-STARTTLS", False),
    ],
)
def test_tls_terminated_by_proxy(port: int, capability: str, is_proxied: bool) -> None:
    """The command that begins TLS has no place inside TLS (D25)."""
    observation = replace(healthy(port), capabilities_tls=("PIPELINING", capability, "AUTH PLAIN"))
    verdict = find(observation, "tls_terminated_by_proxy")

    assert (verdict is not None) == is_proxied
    assert verdict is None or (verdict.kind, verdict.severity) == (Kind.MISCONFIGURATION, W)


EXPIRED = {"not_after": NOW - timedelta(days=1), "problems": ("expired",)}
FUTURE = {"not_before": NOW + timedelta(days=1), "problems": ("not_yet_valid",)}
OTHER_NAME = {"name_matches": False, "problems": ("name_mismatch",), "names": ("other.example.org",)}
SELF_SIGNED = {"trusted": False, "problems": ("self_signed",)}
UNTRUSTED = {"trusted": False, "problems": ("untrusted",)}


@pytest.mark.parametrize(
    ("changes", "verdict", "client", "mx", "evidence"),
    [
        (SELF_SIGNED, "certificate_untrusted", C, N, "CN=mail.example.org"),
        (UNTRUSTED, "certificate_untrusted", C, N, "CN=Example CA"),
        ({"trusted": False}, "certificate_untrusted", C, N, "CN=Example CA"),
        (OTHER_NAME, "certificate_name_mismatch", C, N, "other.example.org"),
        ({"name_matches": False, "names": ()}, "certificate_name_mismatch", C, N, "names nothing"),
        (EXPIRED, "certificate_expired", C, N, "2026-01-14"),
        ({"not_after": NOW - timedelta(days=1)}, "certificate_expired", C, N, "2026-01-14"),
        ({"problems": ("expired",)}, "certificate_expired", C, N, "chain"),
        (FUTURE, "certificate_not_yet_valid", C, N, "2026-01-16"),
        ({"problems": ("not_yet_valid",)}, "certificate_not_yet_valid", C, N, "chain"),
        ({"not_after": NOW + timedelta(days=20)}, "certificate_expiring", W, N, "2026-02-04"),
        ({"not_after": NOW + timedelta(days=21)}, "certificate_expiring", W, N, "2026-02-05"),
        ({"key": "RSA 1024", "problems": ("weak_key",)}, "key_weak", C, W, "RSA 1024"),
        ({"problems": ("weak_signature",)}, "key_weak", W, N, "SHA-1"),
        ({"key": "RSA 1024", "problems": ("weak_key", "weak_signature")}, "key_weak", C, W, "RSA 1024"),
    ],
)
def test_certificate(
    changes: dict[str, Any], verdict: str, client: Severity, mx: Severity, evidence: str
) -> None:
    """Each fault has its verdict, and matters less on an MX without a policy (D16, D17, D18, D20)."""
    for port, severity in ((993, client), (587, client), (143, client), (25, mx)):
        found = find(with_certificate(port, **changes), verdict)
        assert found is not None
        assert found.severity is severity
        assert found.kind is (Kind.WEAKNESS if verdict == "key_weak" else Kind.MISCONFIGURATION)
        assert evidence in found.summary


CERTIFICATE_VERDICTS = (
    "certificate_untrusted",
    "certificate_name_mismatch",
    "certificate_expired",
    "certificate_not_yet_valid",
    "certificate_expiring",
    "key_weak",
)


@pytest.mark.parametrize(
    ("observation", "verdicts"),
    [
        (healthy(993), set()),
        (ended(993, reason=Reason.TLS_CLOSED), set()),
        (with_certificate(993, **EXPIRED), {"certificate_expired"}),
        (with_certificate(993, trusted=False, **EXPIRED), {"certificate_expired"}),
        (with_certificate(993, **FUTURE), {"certificate_not_yet_valid"}),
        (with_certificate(993, **OTHER_NAME), {"certificate_name_mismatch"}),
        (with_certificate(993, **SELF_SIGNED), {"certificate_untrusted"}),
        (with_certificate(993, not_after=NOW + timedelta(days=22)), set()),
        (with_certificate(993, not_after=NOW + timedelta(days=3)), {"certificate_expiring"}),
        (with_certificate(993, not_after=NOW), {"certificate_expiring"}),
        (
            with_certificate(
                993, trusted=False, problems=("expired", "self_signed"), not_after=NOW - timedelta(1)
            ),
            {"certificate_untrusted", "certificate_expired"},
        ),
    ],
)
def test_certificate_verdicts_do_not_spill_over(observation: Observation, verdicts: set[str]) -> None:
    """One fault gives its own verdict and no other."""
    assert {verdict for verdict in CERTIFICATE_VERDICTS if find(observation, verdict)} == verdicts


def test_the_policy_says_how_early_an_end_is_told() -> None:
    """The number of days is the operator's."""
    ending = with_certificate(993, not_after=NOW + timedelta(days=10))

    assert find(ending, "certificate_expiring", Policy(certificate_warning_days=9)) is None
    assert find(ending, "certificate_expiring", Policy(certificate_warning_days=10)) is not None
    assert find(ending, "certificate_expiring", Policy(certificate_warning_days=0)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_tls": "TLSv1"},
        {"min_tls": ""},
        {"certificate_warning_days": -1},
        {"profile": ""},
        {"profile": "PCI"},
    ],
)
def test_a_policy_that_makes_no_sense(wrong: dict[str, Any]) -> None:
    """The error names the key and says how to mend it."""
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}: .* use "):
        Policy(**wrong)


def test_a_certificate_that_cannot_be_read_is_not_trusted() -> None:
    """TLS without a certificate that we can read must not pass for a good one."""
    verdict = find(replace(healthy(993), certificate=None), "certificate_untrusted")

    assert verdict is not None
    assert verdict.severity is Severity.CRITICAL
    assert find(replace(healthy(993), certificate=None, tls=None), "certificate_untrusted") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trust_fault": "incomplete_chain", "missing_intermediate": True}, "an intermediate is missing"),
        ({"trust_fault": "unknown_ca"}, "its root is not trusted"),
        ({"trust_fault": "incomplete_or_unknown_ca"}, "the rest is missing, or of a CA that is not known"),
        ({"trust_fault": "other"}, "leads to no trusted CA"),
    ],
)
def test_what_a_chain_lacks_is_said_as_far_as_it_is_known(changes: dict[str, Any], words: str) -> None:
    seen = with_certificate(993, trusted=False, problems=("untrusted",), **changes)
    verdict = find(seen, "certificate_untrusted")
    assert verdict is not None
    assert words in verdict.summary
