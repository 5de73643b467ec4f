"""Verdicts about accepted versions and tampering, and what a profile other than the default one changes."""

from dataclasses import replace
from typing import Any

import pytest

from scanner.model import Expectation, Kind, Observation, Reason, Severity
from scanner.model.observation import DOWNGRADE_SENTINEL, Tls
from scanner.verdict import Policy, is_downgraded, judge, works
from tests.verdict.observations import NOW, ended, find, healthy, judged, with_certificate, with_tls

C, W, N = Severity.CRITICAL, Severity.WARNING, Severity.NOTICE
MODERN = "ECDHE-RSA-AES256-GCM-SHA384"
NONE_OLD = {
    "SSLv2": False,
    "SSLv3": False,
    "TLSv1.0": False,
    "TLSv1.1": False,
    "TLSv1.2": True,
    "TLSv1.3": True,
}


def swept(port: int, *accepted: str, unknown: tuple[str, ...] = (), **changes: Any) -> Observation:
    """Return an observation in good order of a server that accepts these old versions as well."""
    versions = {**NONE_OLD, **dict.fromkeys(accepted, True), **dict.fromkeys(unknown)}
    return replace(healthy(port), versions=versions, **changes)


# ----------------------------------------------------------------------------------- accepted versions


@pytest.mark.parametrize(
    ("accepted", "client", "mx"),
    [
        (("TLSv1.0",), W, N),
        (("TLSv1.1",), W, N),
        (("TLSv1.0", "TLSv1.1"), W, N),
        (("SSLv3",), C, C),
        (("SSLv2",), C, C),
        (("SSLv2", "TLSv1.0"), C, C),
        ((), None, None),
    ],
)
def test_legacy_tls_accepted(accepted: tuple[str, ...], client: Severity | None, mx: Severity | None) -> None:
    """Old versions beside newer ones are a weakness, and SSL is critical everywhere (D13)."""
    for port, severity in ((993, client), (587, client), (110, client), (25, mx)):
        verdict = find(swept(port, *accepted), "legacy_tls_accepted")
        assert (verdict and verdict.severity) == severity
        if verdict is not None:
            assert verdict.kind is Kind.WEAKNESS
            assert verdict.summary == f"The server still accepts {', '.join(accepted)}."
            assert ", ".join(accepted) in verdict.advice


@pytest.mark.parametrize(
    ("profile", "accepted", "client", "mx", "clause"),
    [
        ("ncsc", "TLSv1.0", W, W, "forbids that (NCSC-NL 2025-05 section 3.3.1)"),
        ("ncsc", "SSLv3", C, C, "forbids that (NCSC-NL 2025-05 section 3.3.1)"),
        ("ncsc", "TLSv1.2", None, None, ""),
        ("mozilla-intermediate", "TLSv1.1", W, W, "(Mozilla Server Side TLS 6.0, intermediate)"),
        ("mozilla-modern", "TLSv1.2", W, W, "(Mozilla Server Side TLS 6.0, modern)"),
        ("pci", "TLSv1.1", W, W, "(PCI DSS 4.0.1 requirement 4.2.1)"),
    ],
)
def test_legacy_tls_accepted_under_a_profile(
    profile: str, accepted: str, client: Severity | None, mx: Severity | None, clause: str
) -> None:
    """Who chooses a profile wants it kept on every port, and reads whose word it is."""
    for port, severity in ((993, client), (25, mx)):
        observation = swept(port)
        versions = {**dict.fromkeys(NONE_OLD, False), "TLSv1.3": True, accepted: True}
        verdict = find(replace(observation, versions=versions), "legacy_tls_accepted", Policy(profile))
        assert (verdict and verdict.severity) == severity
        assert verdict is None or (profile in verdict.summary and verdict.summary.endswith(f"{clause}."))


@pytest.mark.parametrize(
    "observation",
    [
        healthy(993),
        replace(healthy(993), versions={}),
        swept(993, unknown=("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")),
        # Nothing newer than the version in use: tls_version_below_policy says it.
        replace(with_tls(993, "TLSv1.0", "AES128-SHA"), versions={"TLSv1.0": True, "TLSv1.2": False}),
        replace(with_tls(993, "TLSv1", "AES128-SHA"), versions={"TLSv1.0": True, "TLSv1.2": False}),
    ],
)
def test_no_legacy_tls_accepted(observation: Observation) -> None:
    """Without a sweep, or where it could not tell, nothing is said."""
    assert find(observation, "legacy_tls_accepted") is None


def test_what_is_older_than_the_old_version_in_use_is_told() -> None:
    """A server with TLS 1.0 at best that takes SSLv3 has two findings."""
    old = replace(with_tls(993, "TLSv1.0", "AES128-SHA"), versions={"SSLv3": True, "TLSv1.0": True})
    verdict = find(old, "legacy_tls_accepted")

    assert verdict is not None
    assert verdict.summary == "The server still accepts SSLv3."
    assert find(old, "tls_version_below_policy") is not None


def test_a_server_with_nothing_that_we_can_speak_is_told_by_the_sweep() -> None:
    """The handshake fails, and the sweep knows why."""
    failed = ended(993, reason=Reason.TLS_HANDSHAKE_FAILED, versions={"SSLv3": True, "TLSv1.2": False})
    verdict = find(failed, "legacy_tls_accepted")

    assert verdict is not None
    assert verdict.severity is C


@pytest.mark.parametrize(
    ("min_tls", "told"),
    [("TLSv1.0", "SSLv3"), ("TLSv1.1", "SSLv3, TLSv1.0"), ("TLSv1.3", "SSLv3, TLSv1.0, TLSv1.1, TLSv1.2")],
)
def test_the_operators_oldest_version_counts_for_accepted_ones_too(min_tls: str, told: str) -> None:
    """What the operator allows is no finding."""
    verdict = find(swept(993, "SSLv3", "TLSv1.0", "TLSv1.1"), "legacy_tls_accepted", Policy(min_tls=min_tls))

    assert verdict is not None
    assert verdict.summary == f"The server still accepts {told}."


def test_the_evidence_of_the_sweep_is_told_and_bounded() -> None:
    """The notes stand behind what they are about."""
    notes = tuple(f"note {number}" for number in range(20))
    verdict = find(swept(993, "TLSv1.0", version_notes=notes), "legacy_tls_accepted")

    assert verdict is not None
    assert "TLSv1.0 (note 0, " in verdict.summary
    assert verdict.summary.endswith("note 7 and 12 more).")


def test_what_a_provider_is_known_for_is_a_notice() -> None:
    """The catalogue tolerates it by the verdict's id."""
    old = swept(25, "TLSv1.0")
    known = Expectation(provider="gmail", tolerated=frozenset({"legacy_tls_accepted"}))
    verdict = find(
        replace(old, endpoint=replace(old.endpoint, expectation=known)), "legacy_tls_accepted", Policy("pci")
    )

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.NOTICE, N)
    assert "usual at gmail" in verdict.summary


# ------------------------------------------------------------------------------------------- tampering


@pytest.mark.parametrize("port", [25, 465, 587, 143, 993, 110, 995])
def test_the_downgrade_sentinel_is_proof_at_once(port: int) -> None:
    """RFC 8446 section 4.1.3: the server was offered less than we offered; no past is needed."""
    note = f"{DOWNGRADE_SENTINEL}: TLS 1.3 was offered, and the server was offered TLSv1.2 or less"
    tampered = judged(swept(port, version_notes=("alert 70 to TLSv1.1", note)))
    (verdict,) = [each for each in tampered.verdicts if each.id == "tls_version_dropped"]

    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, C)
    assert note in verdict.summary
    assert is_downgraded(tampered)
    assert not works(tampered)


@pytest.mark.parametrize("notes", [(), ("alert 70 to TLSv1.1",), (f"no {DOWNGRADE_SENTINEL}",)])
def test_other_notes_prove_nothing(notes: tuple[str, ...]) -> None:
    """Only the note that begins so counts."""
    assert judge(swept(993, version_notes=notes), Policy(), NOW) == ()


# ---------------------------------------------------------------------------------- the other verdicts


@pytest.mark.parametrize(
    ("policy", "version", "summary"),
    [
        (Policy(), "TLSv1.1", "the policy asks for TLSv1.2 or newer."),
        (Policy(min_tls="TLSv1.3"), "TLSv1.2", "the policy asks for TLSv1.3 or newer."),
        (
            Policy("pci"),
            "TLSv1.1",
            "the profile pci asks for TLSv1.2 or newer. The profile pci forbids that (PCI DSS",
        ),
        (Policy("ncsc", "TLSv1.3"), "TLSv1.2", "the policy asks for TLSv1.3 or newer."),
        (
            Policy("mozilla-modern"),
            "TLSv1.2",
            "the profile mozilla-modern asks for TLSv1.3 or newer. The profile",
        ),
        (Policy("mozilla-modern", "TLSv1.2"), "TLSv1.2", None),
        (Policy("mozilla-intermediate"), "TLSv1.2", None),
        (Policy("pci"), "TLSv1.3", None),
    ],
)
def test_tls_version_below_a_profile(policy: Policy, version: str, summary: str | None) -> None:
    """A profile brings its own oldest version, and `min_tls` goes before it."""
    verdict = find(with_tls(993, version, MODERN), "tls_version_below_policy", policy)

    assert (verdict is None) == (summary is None)
    if verdict is not None and summary is not None:
        assert verdict.summary.startswith(f"The server agreed on {version}; {summary}")
        assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, C)
        assert "1.3" in verdict.advice


@pytest.mark.parametrize(
    ("profile", "cipher", "group", "severity", "texts"),
    [
        ("ncsc", "ECDHE-RSA-AES256-SHA384", None, W, ("CBC", "profile ncsc advises against that (NCSC-NL")),
        ("ncsc", "ECDHE-RSA-AES256-SHA", "x25519", C, ("profile ncsc forbids that (NCSC-NL 2025-05 app",)),
        ("ncsc", MODERN, "secp224r1", W, ("group secp224r1", "profile ncsc advises against that")),
        ("pci", "DHE-RSA-AES128-GCM-SHA256", None, W, ("DHE", "advises against that (PCI DSS 4.0.1")),
        ("mozilla-intermediate", "ECDHE-ECDSA-AES128-CCM", None, W, ("AES128-CCM. The profile",)),
        (
            "mozilla-intermediate",
            "AES128-SHA",
            "ffdhe2048",
            C,
            ("forward secrecy", "group ffdhe2048", "X25519"),
        ),
        ("mozilla-intermediate", "NEW-SUITE", None, C, ("NEW-SUITE: it is no suite that is known here",)),
        ("default", "NEW-SUITE", None, None, ()),
        ("default", MODERN, "secp160r1", C, ("The keys were exchanged in the group secp160r1.",)),
        ("ncsc", MODERN, "X25519", None, ()),
        ("mozilla-modern", MODERN, "X25519", None, ()),
    ],
)
def test_cipher_weak_under_a_profile(
    profile: str, cipher: str, group: str | None, severity: Severity | None, texts: tuple[str, ...]
) -> None:
    """Suite and group together are one verdict, with the profile's clause for each."""
    observation = replace(healthy(993), tls=Tls("TLSv1.2", cipher, group))
    verdict = find(observation, "cipher_weak", Policy(profile))

    assert (verdict and verdict.severity) == severity
    for text in texts:
        assert verdict is not None
        assert text in f"{verdict.summary} {verdict.advice}"


@pytest.mark.parametrize(
    ("profile", "key", "client", "mx"),
    [
        ("default", "RSA 2048", None, None),
        ("ncsc", "RSA 2048", W, N),
        ("ncsc", "RSA 3072", None, None),
        ("mozilla-modern", "RSA 4096", C, W),
        ("mozilla-modern", "EC secp521r1", W, N),
        ("mozilla-intermediate", "RSA 2048", None, None),
        ("pci", "RSA 2048", None, None),
        ("pci", "RSA 2047", C, W),
        ("pci", "unknown", C, W),
    ],
)
def test_key_weak_under_a_profile(
    profile: str, key: str, client: Severity | None, mx: Severity | None
) -> None:
    """Each profile has its own least key."""
    for port, severity in ((993, client), (25, mx)):
        verdict = find(with_certificate(port, key=key), "key_weak", Policy(profile))
        assert (verdict and verdict.severity) == severity
        assert verdict is None or (key in verdict.summary and f"The profile {profile} " in verdict.summary)


def test_key_and_signature_are_one_verdict_with_the_worst_first() -> None:
    """RSA 2048 runs out with NCSC-NL, SHA-1 has run out."""
    weak = with_certificate(993, key="RSA 2048", problems=("weak_signature",))
    verdict = find(weak, "key_weak", Policy("ncsc"))

    assert verdict is not None
    assert verdict.severity is C
    assert verdict.summary.startswith("The certificate is signed with SHA-1 or MD5. The profile ncsc forbids")
    assert "The certificate's key is RSA 2048. The profile ncsc advises against" in verdict.summary


@pytest.mark.parametrize(
    ("problem", "verdict"),
    [
        ("expired", "certificate_expired"),
        ("not_yet_valid", "certificate_not_yet_valid"),
        ("self_signed", "certificate_untrusted"),
        ("untrusted", "certificate_untrusted"),
        ("name_mismatch", "certificate_name_mismatch"),
    ],
)
@pytest.mark.parametrize(("profile", "mx"), [("default", N), ("ncsc", N), ("mozilla-modern", N), ("pci", W)])
def test_certificates_on_an_mx_matter_more_to_pci(
    problem: str, verdict: str, profile: str, mx: Severity
) -> None:
    """The others leave the certificate of an MX to DANE and MTA-STS."""
    is_named = problem != "name_mismatch"
    for port, severity in ((993, C), (25, mx)):
        faulty = with_certificate(port, problems=(problem,), name_matches=is_named)
        found = find(faulty, verdict, Policy(profile))
        assert found is not None
        assert found.severity is severity
        assert ("PCI DSS 4.0.1" in found.summary) == (profile == "pci")


@pytest.mark.parametrize("profile", ["default", "ncsc", "mozilla-intermediate", "mozilla-modern", "pci"])
@pytest.mark.parametrize("port", [25, 465, 587, 143, 993, 110, 995])
def test_a_port_in_good_order_has_no_verdict_under_any_profile(port: int, profile: str) -> None:
    """TLS 1.3, X25519 and a P-256 key suit everybody."""
    modern = {**dict.fromkeys(NONE_OLD, False), "TLSv1.3": True}

    assert judge(replace(healthy(port), versions=modern), Policy(profile), NOW) == ()
