"""Observations to render: one of an endpoint where all is well, and how to make others of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scanner.model import (
    Certificate,
    Endpoint,
    Kind,
    Observation,
    Phase,
    Protocol,
    Reason,
    Role,
    Severity,
    StartTls,
    Tls,
    TlsMode,
    Verdict,
)
from scanner.store.values import Status

SUBMISSION = Endpoint(
    host="smtp.example.org",
    address="192.0.2.7",
    port=587,
    protocol=Protocol.SMTP,
    tls_mode=TlsMode.STARTTLS,
    role=Role.SUBMISSION,
    source="srv",
    domains=("example.org", "example.net"),
)
LABELS = {"host": "smtp.example.org", "address": "192.0.2.7", "port": "587", "protocol": "smtp"}

CERTIFICATE = Certificate(
    subject="CN=smtp.example.org",
    issuer="CN=Example CA",
    names=("smtp.example.org",),
    not_before=datetime(2026, 1, 1, tzinfo=UTC),
    not_after=datetime(2026, 4, 1, tzinfo=UTC),
    fingerprint_sha256="ab" * 32,
    key="RSA 2048",
    chain_length=2,
    trusted=True,
    name_matches=True,
)

GOOD = Observation(
    endpoint=SUBMISSION,
    started_at=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
    duration=0.213,
    phases={
        Phase.DNS: 0.003,
        Phase.CONNECT: 0.021,
        Phase.GREETING: 0.034,
        Phase.CAPABILITIES: 0.022,
        Phase.STARTTLS: 0.021,
        Phase.TLS: 0.048,
        Phase.CAPABILITIES_TLS: 0.022,
        Phase.QUIT: 0.02,
    },
    banner="220 smtp.example.org ESMTP Postfix",
    software="Postfix",
    capabilities=("PIPELINING", "STARTTLS"),
    capabilities_tls=("PIPELINING", "AUTH PLAIN LOGIN"),
    starttls=StartTls(offered=True, reply="220 2.0.0 Ready"),
    auth_before_tls=(),
    auth_after_tls=("PLAIN", "LOGIN"),
    tls=Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768"),
    certificate=CERTIFICATE,
    versions={
        "SSLv2": None,
        "SSLv3": False,
        "TLSv1.0": None,
        "TLSv1.1": False,
        "TLSv1.2": True,
        "TLSv1.3": True,
    },
    post_quantum=True,
    level=4,
)


def at(host: str, port: int = 587, *, tls_mode: TlsMode = TlsMode.STARTTLS) -> Endpoint:
    return replace(SUBMISSION, host=host, port=port, tls_mode=tls_mode)


def failed(reason: Reason, **changes: Any) -> Observation:
    """A probe of the submission port that got nowhere, a minute after the good one."""
    bare = Observation(
        endpoint=SUBMISSION,
        started_at=datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC),
        duration=10.0,
        reason=reason,
        phases={Phase.DNS: 0.003},
    )
    return replace(bare, **changes)


def verdict(name: str, kind: Kind = Kind.DOWNGRADE, severity: Severity = Severity.CRITICAL) -> Verdict:
    return Verdict(name, kind, severity, f"{name} was seen.", f"Mend {name}.")


STORE = Status(
    is_up=True,
    pending=3,
    written=40,
    dropped=0,
    dropped_events=0,
    refused=0,
    unreadable=0,
    failures=1,
    error=None,
    succeeded_at=GOOD.started_at,
    size_bytes=4096,
)
