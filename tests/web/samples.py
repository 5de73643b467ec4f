"""A watched world for the pages: some twenty-five endpoints, good and bad."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scanner.model import (
    PORTS,
    Certificate,
    Endpoint,
    Kind,
    Observation,
    Phase,
    Reason,
    Severity,
    StartTls,
    TargetFinding,
    Tls,
    Verdict,
)
from scanner.model.incident import Cause, Incident
from tests.web.verdicts import (
    BLOCKED,
    CLEAR_AUTH,
    CLOSED,
    EGRESS,
    EXPIRED,
    EXPIRING,
    LEGACY,
    MASKED,
    OLD_TLS,
    PLAIN_ON_TLS,
    REJECTED,
    SELF_SIGNED,
    STRIPPED,
)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

_PHASES = {
    Phase.DNS: 0.004,
    Phase.CONNECT: 0.021,
    Phase.GREETING: 0.034,
    Phase.CAPABILITIES: 0.022,
    Phase.STARTTLS: 0.021,
    Phase.TLS: 0.048,
    Phase.CAPABILITIES_TLS: 0.022,
    Phase.QUIT: 0.02,
}


def endpoint(host: str, port: int, address: str = "192.0.2.7", domains: Sequence[str] = ()) -> Endpoint:
    row = PORTS[port]
    return Endpoint(
        host,
        address,
        port,
        row.protocol,
        row.tls_mode,
        row.role,
        "mx",
        tuple(domains or (host.split(".", 1)[1],)),
    )


def certificate(host: str, days: int = 61, **changes: Any) -> Certificate:
    sound = Certificate(
        subject=f"CN={host}",
        issuer="CN=R11,O=Let's Encrypt,C=US",
        names=(host,),
        not_before=NOW - timedelta(days=29),
        not_after=NOW + timedelta(days=days, hours=3),
        fingerprint_sha256="5e" * 32,
        key="EC P-256",
        chain_length=2,
        trusted=True,
        name_matches=True,
    )
    return replace(sound, **changes)


def good(host: str, port: int, address: str = "192.0.2.7", **changes: Any) -> Observation:
    """A probe in which all is well, changed where the test wants it."""
    seen = Observation(
        endpoint=endpoint(host, port, address),
        started_at=NOW - timedelta(seconds=42),
        duration=0.192,
        phases=_PHASES,
        banner=f"220 {host} ESMTP Postfix (Debian)",
        software="Postfix",
        starttls=StartTls(offered=True, reply="220 2.0.0 Ready to start TLS"),
        auth_before_tls=(),
        auth_after_tls=("PLAIN", "LOGIN"),
        tls=Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768"),
        certificate=certificate(host),
        level=4,
    )
    return replace(seen, **changes)


def failed(host: str, port: int, reason: Reason, *verdicts: Verdict, **changes: Any) -> Observation:
    """A probe that did not get through."""
    seen = Observation(
        endpoint=endpoint(host, port, "198.51.100.23"),
        started_at=NOW - timedelta(minutes=3),
        duration=10.0,
        reason=reason,
        phases={Phase.DNS: 0.004},
        verdicts=verdicts,
    )
    return replace(seen, **changes)


HOSTILE = "220 <script>alert('x')</script>\"><img src=x onerror=alert(1)> {{ 7 * 7 }} &amp; \\x1b[31m"

SHARED = endpoint("mx1.example.org", 25, domains=("example.org", "example.net"))

WORLD = (
    good(
        "mx1.example.org",
        25,
        endpoint=SHARED,
    ),
    good("mx2.example.org", 25, "192.0.2.8", level=5),
    good("smtp.example.org", 587),
    good("smtp.example.org", 465, starttls=None),
    good("imap.example.org", 993, software="Dovecot", banner="* OK [CAPABILITY IMAP4rev1] Dovecot ready."),
    good("imap.example.org", 143, software="Dovecot", verdicts=(LEGACY,)),
    good("pop.example.org", 995, software="Dovecot", banner="+OK Dovecot ready."),
    good(
        "mx.example.net",
        25,
        "2001:db8:85a3::8a2e:370:7334",
        tls=Tls("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "X25519"),
        level=3,
    ),
    good(
        "mx.example.com",
        25,
        "203.0.113.5",
        duration=1.84,
        tls=Tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", "P-256"),
        level=3,
    ),
    good("mail.kontor.example", 587, certificate=certificate("mail.kontor.example", 6), verdicts=(EXPIRING,)),
    good(
        "mail.verein.example",
        993,
        certificate=certificate("mail.verein.example", -3, problems=("expired",), trusted=False),
        level=2,
        verdicts=(EXPIRED, LEGACY),
    ),
    good(
        "old.werkstatt.example",
        25,
        tls=Tls("TLSv1.0", "ECDHE-RSA-AES256-SHA", None),
        certificate=certificate(
            "localhost", 3200, problems=("self_signed", "name_mismatch"), trusted=False, name_matches=False
        ),
        level=2,
        verdicts=(SELF_SIGNED, OLD_TLS),
    ),
    good("pop.werkstatt.example", 110, auth_before_tls=("USER",), verdicts=(CLEAR_AUTH,)),
    good(
        "smtp.stripped.example",
        587,
        starttls=StartTls(offered=False),
        tls=None,
        certificate=None,
        level=1,
        phases={Phase.DNS: 0.004, Phase.CONNECT: 0.03, Phase.GREETING: 0.05, Phase.CAPABILITIES: 0.03},
        verdicts=(STRIPPED, CLEAR_AUTH),
    ),
    good(
        "mx.inspected.example",
        25,
        banner="220 ****************************************",
        software=None,
        starttls=StartTls(offered=False, masked=True),
        tls=None,
        certificate=None,
        level=1,
        verdicts=(MASKED,),
    ),
    good("mx.hostile.example", 25, banner=HOSTILE, software="<b>Postfix</b>"),
    failed("mx.walled.example", 25, Reason.CONNECT_TIMEOUT, BLOCKED),
    failed(
        "mail.filtered.example",
        587,
        Reason.ADMIN_PROHIBITED,
        BLOCKED,
        duration=0.02,
        detail="EHOSTUNREACH, ICMP code 13",
    ),
    failed(
        "pop.kontor.example", 995, Reason.CONNECTION_REFUSED, CLOSED, duration=0.024, detail="ECONNREFUSED"
    ),
    failed(
        "mx.strict.example",
        25,
        Reason.GREETING_REJECTED,
        REJECTED,
        duration=0.4,
        detail="554 5.7.1 rejected",
        banner="554 5.7.1 rejected",
    ),
    failed(
        "smtp.kontor.example",
        465,
        Reason.PLAINTEXT_ON_TLS_PORT,
        PLAIN_ON_TLS,
        duration=0.06,
        detail="WRONG_VERSION_NUMBER",
    ),
    failed(
        "imap.slow.example",
        993,
        Reason.TLS_TIMEOUT,
        duration=30.0,
        phases={Phase.DNS: 0.1, Phase.CONNECT: 0.2},
    ),
    failed(
        "mail.gone.example", 143, Reason.HOST_UNREACHABLE, duration=3.1, started_at=NOW - timedelta(hours=5)
    ),
    failed("gmail-smtp-in.l.google.example", 25, Reason.EGRESS_BLOCKED, EGRESS),
    failed(
        "mx.quiet.example",
        25,
        Reason.NO_GREETING,
        duration=45.0,
        phases={Phase.DNS: 0.004, Phase.CONNECT: 0.02},
    ),
)

FINDINGS = (
    TargetFinding(
        "nosuch.example", "nosuch.example", NOW - timedelta(minutes=2), 0.03, Reason.NAME_NOT_FOUND
    ),
    TargetFinding(
        "parked.example", "parked.example", NOW - timedelta(minutes=2), 0.02, Reason.NULL_MX, "MX 0 ."
    ),
    TargetFinding(
        "inside.example",
        "mail.inside.example",
        NOW - timedelta(minutes=2),
        0.01,
        Reason.ADDRESS_NOT_ALLOWED,
        "10.0.0.5",
    ),
)

INCIDENT = Incident(
    cause=Cause.VERDICT,
    subject="smtp.stripped.example",
    name="starttls_missing",
    kind=Kind.DOWNGRADE,
    severity=Severity.CRITICAL,
    since=NOW - timedelta(hours=3),
    keys=(endpoint("smtp.stripped.example", 587).key,),
    domains=("stripped.example",),
    summary="STARTTLS was there and is gone.",
    advice="Switch it on again.",
)
