"""Makes observations for the tests of the verdicts: a healthy port, changed where a test says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scanner.model import PORTS, Certificate, Endpoint, Observation, Protocol, StartTls, Tls, TlsMode, Verdict
from scanner.verdict import Policy, judge

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

CERTIFICATE = Certificate(
    subject="CN=mail.example.org",
    issuer="CN=Example CA",
    names=("mail.example.org",),
    not_before=NOW - timedelta(days=30),
    not_after=NOW + timedelta(days=60),
    fingerprint_sha256="ab" * 32,
    key="EC secp256r1",
    chain_length=2,
    trusted=True,
    name_matches=True,
)
TLS = Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519")

_GREETINGS = {
    Protocol.SMTP: "220 mail.example.org ESMTP",
    Protocol.IMAP: "* OK ready",
    Protocol.POP3: "+OK ready",
}
_GO_AHEADS = {
    Protocol.SMTP: "220 2.0.0 Ready",
    Protocol.IMAP: "a2 OK Begin TLS",
    Protocol.POP3: "+OK Begin TLS",
}


def healthy(port: int) -> Observation:
    """Return an observation of a port in good order."""
    row = PORTS[port]
    endpoint = Endpoint(
        "mail.example.org",
        "192.0.2.7",
        port,
        row.protocol,
        row.tls_mode,
        row.role,
        "operator",
        ("example.org",),
    )
    is_starttls = row.tls_mode is TlsMode.STARTTLS
    keyword = "STLS" if row.protocol is Protocol.POP3 else "STARTTLS"
    return Observation(
        endpoint,
        NOW,
        0.2,
        banner=_GREETINGS[row.protocol],
        capabilities=("PIPELINING", keyword) if is_starttls else None,
        capabilities_tls=("PIPELINING", "AUTH PLAIN"),
        starttls=StartTls(offered=True, reply=_GO_AHEADS[row.protocol]) if is_starttls else None,
        auth_before_tls=() if is_starttls else None,
        auth_after_tls=("PLAIN",),
        tls=TLS,
        certificate=CERTIFICATE,
    )


def in_clear(port: int, starttls: StartTls, **changes: Any) -> Observation:
    """Return an observation that never got to TLS."""
    return replace(
        healthy(port),
        **{
            "starttls": starttls,
            "tls": None,
            "certificate": None,
            "capabilities": ("PIPELINING",),
            "capabilities_tls": None,
            "auth_after_tls": None,
            **changes,
        },
    )


def ended(port: int, **changes: Any) -> Observation:
    """Return an observation that learnt nothing but how it ended."""
    return Observation(healthy(port).endpoint, NOW, 0.2, **changes)


def with_certificate(port: int, **changes: Any) -> Observation:
    """Return an observation of a port in good order but for its certificate."""
    return replace(healthy(port), certificate=replace(CERTIFICATE, **changes))


def with_tls(port: int, version: str, cipher: str) -> Observation:
    """Return an observation of a port in good order but for its TLS parameters."""
    return replace(healthy(port), tls=Tls(version, cipher, None))


def judged(observation: Observation, policy: Policy | None = None) -> Observation:
    """Return the observation with its verdicts."""
    return replace(observation, verdicts=judge(observation, policy or Policy(), NOW))


def find(observation: Observation, verdict: str, policy: Policy | None = None) -> Verdict | None:
    """Judge and return one verdict, if it is there; never twice."""
    found = [each for each in judge(observation, policy or Policy(), NOW) if each.id == verdict]
    assert len(found) <= 1
    return found[0] if found else None
