"""Rules about the TLS session itself: wrong port, versions, cipher, and a proxy that ends it."""

from scanner.model import Kind, Reason, Severity, Standing, Verdict
from scanner.model.observation import DOWNGRADE_SENTINEL
from scanner.verdict.profile_tables import DEFAULT, Grade
from scanner.verdict.profiles import Aspect, session_faults
from scanner.verdict.rules import Case, Rule, enumerate_shortly, quote
from scanner.verdict.tls_versions import TLS_VERSIONS, full_name, is_older

_SSL = frozenset({"SSLv2", "SSLv3"})
_ADVICE_ON_CIPHERS = (
    "Allow TLS 1.3, and in TLS 1.2 only ECDHE with AES-GCM or ChaCha20-Poly1305 (RFC 9325 section 4)."
)
_ADVICE_ON_GROUPS = "Let the server choose X25519MLKEM768, x25519 or secp256r1 (P-256)."


def tls_on_plaintext_port(case: Case) -> Verdict | None:
    """F24 the other way round: the port speaks TLS first, where a greeting in clear belongs."""
    observation = case.observation
    if observation.reason is not Reason.TLS_ON_PLAINTEXT_PORT:
        return None
    port = observation.endpoint.port
    return Verdict(
        "tls_on_plaintext_port",
        Kind.MISCONFIGURATION,
        Severity.WARNING if case.standing is Standing.LEGACY else Severity.CRITICAL,
        f"Port {port} speaks TLS from the first byte, where a greeting and {case.command} belong"
        f"{f': {observation.detail}' if observation.detail else ''}.",
        f"Serve port {port} with {case.command}; TLS from the first byte belongs on 465, 993 or 995.",
    )


def tls_version_dropped(case: Case) -> Verdict | None:
    """RFC 8446 section 4.1.3: the server's random value says that it was offered less than we offered.

    A version that falls against the past needs a memory. This mark needs none: a server that knows TLS 1.3
    sets it where it is asked for an older version only, so what we sent was changed on the way. Such proof
    counts at once, like every fingerprint of stripping.
    """
    for note in case.observation.version_notes:
        if note.startswith(DOWNGRADE_SENTINEL):
            return Verdict(
                "tls_version_dropped",
                Kind.DOWNGRADE,
                Severity.CRITICAL,
                f"Something on the path lowers the TLS version: the server marked its answer as one to an "
                f"older client than ours ({note}).",
                "Look for a proxy or a firewall that opens TLS between this host and the server, and probe "
                "from another network.",
            )
    return None


def tls_version_below_policy(case: Case) -> Verdict | None:
    """D12, RFC 8996: the best version both sides know is older than the policy or the provider says."""
    tls = case.observation.tls
    least, whose_word = case.policy.least_tls, "the policy asks for"
    if case.policy.min_tls is None and case.profile is not DEFAULT:
        whose_word = f"the profile {case.profile.name} asks for"
    declared = case.expectation.min_tls
    if declared is not None and is_older(least, declared):
        least, whose_word = declared, f"{case.expectation.provider or 'its provider'} declares"
    if tls is None or not is_older(tls.version, least):
        return None
    return Verdict(
        "tls_version_below_policy",
        Kind.DOWNGRADE,
        case.grade(mx=Severity.WARNING, client=Severity.CRITICAL),
        f"The server agreed on {tls.version}; {whose_word} {least} or newer."
        f"{case.cite(case.profile.versions[full_name(tls.version)])}",
        "Enable TLS 1.2 and 1.3 in the server, which may need a newer TLS library."
        if not is_older("TLSv1.2", least)
        else "Enable TLS 1.3 in the server, which may need a newer TLS library.",
    )


def legacy_tls_accepted(case: Case) -> Verdict | None:
    """D13: the sweep found versions that are older than the policy allows, beside the one in use.

    What could not be told is not held against the server. An old version that is the best one the server
    has is not repeated here: see tls_version_below_policy.
    """
    observation = case.observation
    in_use = full_name(observation.tls.version) if observation.tls is not None else None
    found = observation.versions or {}
    old = tuple(
        name
        for name in TLS_VERSIONS
        if found.get(name) and name != in_use and is_older(name, case.policy.least_tls)
    )
    if not old:
        return None
    severity = case.grade(mx=Severity.NOTICE, client=Severity.WARNING)
    if case.profile is not DEFAULT:
        severity = Severity.WARNING  # who chose a profile wants it kept on every port
    if not _SSL.isdisjoint(old):
        severity = Severity.CRITICAL
    notes = observation.version_notes
    evidence = f" ({enumerate_shortly(notes)})" if notes else ""
    return Verdict(
        "legacy_tls_accepted",
        Kind.WEAKNESS,
        severity,
        f"The server still accepts {enumerate_shortly(old)}{evidence}."
        f"{case.cite(case.profile.versions[old[0]])}",
        f"Switch off {enumerate_shortly(old)} in the server (RFC 8996); hardly any client is left that knows "
        "nothing newer.",
    )


def cipher_weak(case: Case) -> Verdict | None:
    """D14, RFC 9325 section 4.1: a suite or a key exchange group that the profile forbids or discourages.

    Broken ciphers are critical under every profile. An old version with forward secrecy has nothing
    better: the version is the finding there.
    """
    faults = session_faults(case.observation.tls, case.profile)
    if not faults:
        return None
    advice = {Aspect.CIPHER: _ADVICE_ON_CIPHERS, Aspect.GROUP: _ADVICE_ON_GROUPS}
    return Verdict(
        "cipher_weak",
        Kind.WEAKNESS,
        Severity.CRITICAL if faults[0].grade is Grade.FAIL else Severity.WARNING,
        " ".join(case.tell(fault.text, fault.mark) for fault in faults),
        " ".join(advice[fault.aspect] for fault in faults),
    )


def tls_terminated_by_proxy(case: Case) -> Verdict | None:
    """D25: STARTTLS is still offered inside TLS, so the list is not that of the machine that ends TLS."""
    for capability in case.observation.capabilities_tls or ():
        if capability.split(" ", 1)[0].upper() == case.command:
            return Verdict(
                "tls_terminated_by_proxy",
                Kind.MISCONFIGURATION,
                Severity.WARNING,
                f"Inside TLS the server still offers {quote(capability)}: a proxy ends TLS and shows an "
                "old list.",
                "Let the proxy ask the server anew after TLS has begun (RFC 3207 section 4.2), and protect "
                "the way between both.",
            )
    return None


ENCRYPTION_RULES: tuple[Rule, ...] = (
    tls_on_plaintext_port,
    tls_version_dropped,
    tls_version_below_policy,
    legacy_tls_accepted,
    cipher_weak,
    tls_terminated_by_proxy,
)
