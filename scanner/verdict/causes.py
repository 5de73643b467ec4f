"""Which verdicts on one port are one trouble seen twice: what another one explains is told with that one."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from scanner.model import StandingVerdict

_NO_STARTTLS = (
    *("protocol_lowered", "ehlo_rejected", "starttls_masked", "starttls_missing", "preauth"),
    *("starttls_refused", "starttls_dropped"),
)
_OLD_VERSION = ("tls_version_below_policy", "tls_version_dropped")
_CERTIFICATE_FAULTS = (
    *("certificate_untrusted", "certificate_name_mismatch", "certificate_revoked"),
    *("certificate_expired", "certificate_not_yet_valid"),
)

CAUSES_OF: Mapping[str, tuple[str, ...]] = {
    # What lowers the protocol, or strips STARTTLS, removes the rest with it (D08, D21).
    "starttls_missing": ("protocol_lowered", "ehlo_rejected", "starttls_masked", "preauth"),
    "banner_masked": ("starttls_masked", "starttls_missing"),
    "logindisabled_vanished": _NO_STARTTLS,
    "auth_before_tls": (*_NO_STARTTLS, "logindisabled_vanished"),
    # A policy says how much a lack of TLS matters, and is no second lack.
    "dane_violated": (*_NO_STARTTLS, *_CERTIFICATE_FAULTS),
    "mta_sts_violated": (*_NO_STARTTLS, *_OLD_VERSION, *_CERTIFICATE_FAULTS, "dane_violated"),
    "dane_unverifiable": (*_NO_STARTTLS, "dane_violated"),
    # An older version comes with its own ciphers and groups.
    "tls_version_dropped": ("tls_version_below_policy",),
    "cipher_weak": _OLD_VERSION,
    "group_weakened": (*_OLD_VERSION, "cipher_weak"),
    "legacy_tls_accepted": _OLD_VERSION,
    # Another certificate is what shows the fault of it; beside a downgrade it hints at an interception (D19).
    "certificate_changed": (
        *_CERTIFICATE_FAULTS,
        *_NO_STARTTLS,
        *_OLD_VERSION,
        "cipher_weak",
        "dane_violated",
    ),
    "certificate_untrusted": ("certificate_revoked",),
    "certificate_name_mismatch": ("certificate_untrusted",),
    "auth_weakened": ("auth_not_offered",),
    "oauth_not_offered": ("auth_not_offered", "auth_weakened"),
    # A sibling that is better shows no more than what is known to be wrong here.
    "siblings_disagree": (
        *(*_NO_STARTTLS, *_OLD_VERSION, *_CERTIFICATE_FAULTS, "legacy_tls_accepted", "cipher_weak"),
        *("plaintext_on_tls_port", "tls_on_plaintext_port", "key_weak"),
    ),
}


def join_causes(standing: Iterable[StandingVerdict]) -> tuple[StandingVerdict, ...]:
    """Return the verdicts of one port that are a trouble of their own.

    What another one explains is left out; that one then weighs as much as the gravest that it explains.
    """
    by_id = {one.verdict.id: one for one in standing}
    roots = {name: _root_of(name, by_id) for name in by_id}
    joined = {name: one for name, one in by_id.items() if roots[name] == name}
    for name, root in sorted(roots.items()):
        if name != root:
            joined[root] = _weigh_with(joined[root], by_id[name])
    return tuple(joined.values())


def _root_of(name: str, present: Container[str]) -> str:
    """Follow what explains a verdict to the one that nothing explains; the table is without a circle."""
    while (cause := next((each for each in CAUSES_OF.get(name, ()) if each in present), None)) is not None:
        name = cause
    return name


def _weigh_with(root: StandingVerdict, other: StandingVerdict) -> StandingVerdict:
    verdict = root.verdict
    severity = max(verdict.severity, other.verdict.severity)
    summary = f"{verdict.summary} {other.verdict.summary}"
    return replace(
        root,
        verdict=replace(verdict, severity=severity, summary=summary),
        since=min(root.since, other.since),
    )
