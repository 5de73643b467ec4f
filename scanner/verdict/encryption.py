"""Rules about the TLS session itself: wrong port, version, cipher, and a proxy that ends it."""

from scanner.model import Kind, Reason, Severity, Standing, Verdict
from scanner.verdict.rules import Case, Rule, quote
from scanner.verdict.tls_versions import is_older

_BROKEN_PARTS = frozenset(
    {"NULL", "EXP", "EXPORT", "RC4", "RC2", "DES", "3DES", "ADH", "AECDH", "ANON", "MD5"}
)
_ADVICE_ON_CIPHERS = (
    "Allow TLS 1.3, and in TLS 1.2 only ECDHE with AES-GCM or ChaCha20-Poly1305 (RFC 9325 section 4)."
)
_EPHEMERAL = frozenset({"ECDHE", "DHE", "EDH", "EECDH"})
_AUTHENTICATED = frozenset({"GCM", "CCM", "CCM8", "POLY1305", "CHACHA20"})


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


def tls_version_below_policy(case: Case) -> Verdict | None:
    """D12, RFC 8996: the best version both sides know is older than the policy or the provider says."""
    tls = case.observation.tls
    least, whose_word = case.policy.min_tls, "the policy asks for"
    declared = case.expectation.min_tls
    if declared is not None and is_older(least, declared):
        least, whose_word = declared, f"{case.expectation.provider or 'its provider'} declares"
    if tls is None or not is_older(tls.version, least):
        return None
    return Verdict(
        "tls_version_below_policy",
        Kind.DOWNGRADE,
        case.grade(mx=Severity.WARNING, client=Severity.CRITICAL),
        f"The server agreed on {tls.version}; {whose_word} {least} or newer.",
        "Enable TLS 1.2 and 1.3 in the server, which may need a newer TLS library.",
    )


def cipher_weak(case: Case) -> Verdict | None:
    """D14, RFC 9325 section 4.1: broken ciphers are critical, CBC and static key exchange a warning."""
    tls = case.observation.tls
    if tls is None:
        return None
    broken = _name_broken_part(tls.cipher)
    if broken is not None:
        severity, fault = Severity.CRITICAL, f"{broken} protects nothing any more"
    elif _is_static(tls.cipher):
        severity, fault = Severity.WARNING, "without forward secrecy a stolen key opens recorded mail"
    elif _is_cbc(tls.cipher) and not is_older(tls.version, "TLSv1.2"):
        # Versions before 1.2 have nothing but CBC: the version is the finding there.
        severity, fault = Severity.WARNING, "CBC suites have been attacked again and again"
    else:
        return None
    return Verdict(
        "cipher_weak",
        Kind.WEAKNESS,
        severity,
        f"The server chose the cipher {tls.cipher}: {fault}.",
        _ADVICE_ON_CIPHERS,
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


def _name_broken_part(cipher: str) -> str | None:
    """Name what is broken in a suite, by the parts of OpenSSL's name; 3DES is written DES-CBC3 there."""
    parts = cipher.upper().replace("_", "-").split("-")
    if parts[0] == "TLS" and len(parts) == 3:
        return "NULL"  # RFC 9150: TLS_SHA256_SHA256 and its like do not encrypt
    if "CBC3" in parts:
        return "3DES"
    return next((part for part in parts if part in _BROKEN_PARTS), None)


def _is_static(cipher: str) -> bool:
    first = cipher.upper().split("-", 1)[0]
    return bool(first) and not first.startswith("TLS_") and first not in _EPHEMERAL


def _is_cbc(cipher: str) -> bool:
    parts = set(cipher.upper().replace("_", "-").split("-"))
    return parts != {""} and "TLS" not in parts and parts.isdisjoint(_AUTHENTICATED)


ENCRYPTION_RULES: tuple[Rule, ...] = (
    tls_on_plaintext_port,
    tls_version_below_policy,
    cipher_weak,
    tls_terminated_by_proxy,
)
