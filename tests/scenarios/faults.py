"""What ports show when something is wrong: the rows of losses and failures, as a probe sees them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from scanner.model import Certificate, DaneMatch, Observation, Phase, Protocol, Reason, StartTls, Tls, TlsMode
from scanner.model.observation import DOWNGRADE_SENTINEL
from tests.scenarios.world import DAY, Change
from tests.verdict.observations import NOW

TIMEOUT_SECONDS = {Reason.CONNECT_TIMEOUT: 10.0, Reason.NO_GREETING: 15.0, Reason.TLS_TIMEOUT: 15.0}
"""What a probe takes to find out; whatever else ends it comes at once."""


def failing(reason: Reason, **found: Any) -> Change:
    """The probe ends with a reason, and has learnt no more than what is said here."""

    def change(seen: Observation) -> Observation:
        return Observation(seen.endpoint, seen.started_at, TIMEOUT_SECONDS.get(reason, 0.05), reason, **found)

    return change


silent = failing(Reason.CONNECT_TIMEOUT, detail="ETIMEDOUT")
refused = failing(Reason.CONNECTION_REFUSED, detail="ECONNREFUSED", phases={Phase.CONNECT: 0.02})


def turned_away(words: str, reason: Reason) -> Change:
    """The greeting is a refusal."""
    return failing(reason, banner=words, detail=words)


def busy(seen: Observation) -> Observation:
    """F15: 421 by the greeting, or what other protocols say for it."""
    words = {
        Protocol.SMTP: ("421 4.7.0 too many connections", Reason.GREETING_TEMPFAIL),
        Protocol.IMAP: ("* BYE [UNAVAILABLE] try later", Reason.IMAP_BYE),
        Protocol.POP3: ("-ERR [SYS/TEMP] try later", Reason.POP3_ERR),
    }
    return turned_away(*words[seen.endpoint.protocol])(seen)


def in_clear(seen: Observation, starttls: StartTls, **more: Any) -> Observation:
    """Return the same as far as it comes without TLS."""
    words = tuple(word for word in seen.capabilities or () if word not in {"STARTTLS", "STLS"})
    return replace(
        seen,
        **{
            "starttls": starttls,
            "tls": None,
            "certificate": None,
            "dane": None,
            "capabilities": words,
            "capabilities_tls": None,
            "auth_after_tls": None,
            **more,
        },
    )


def stripped(seen: Observation) -> Observation:
    """D01: STARTTLS is not offered; what strips it lets passwords through in clear (striptls)."""
    if seen.endpoint.tls_mode is TlsMode.IMPLICIT:
        return seen
    return in_clear(seen, StartTls(offered=False))


def stripped_with_logindisabled(seen: Observation) -> Observation:
    """D21: both are gone, and passwords are asked for."""
    gone = stripped(seen)
    return replace(gone, auth_before_tls=("PLAIN",), capabilities=("IMAP4REV1", "AUTH=PLAIN"))


def imap(seen: Observation, *words: str) -> Observation:
    """Return the same with these capabilities before TLS, where it is IMAP."""
    return replace(seen, capabilities=words) if seen.endpoint.protocol is Protocol.IMAP else seen


def masked(seen: Observation) -> Observation:
    """D02 and D03: Cisco's inspection overwrites the keyword and the greeting."""
    gone = in_clear(seen, StartTls(offered=False, masked=True), capabilities=("PIPELINING", "XXXXXXXA"))
    return replace(gone, banner="220 ****************************")


def masked_greeting(seen: Observation) -> Observation:
    """D03 alone."""
    return replace(seen, banner="220 ****************************")


def answering(reply: str) -> Change:
    """D04, D05, D06: STARTTLS is offered, and answered so."""
    return lambda seen: in_clear(seen, StartTls(offered=True, reply=reply), capabilities=seen.capabilities)


def without_ehlo(seen: Observation) -> Observation:
    """D07, F20: EHLO is refused and HELO taken."""
    return in_clear(seen, StartTls(offered=False), capabilities=None, ehlo_reply="502 5.5.1 not implemented")


def dropped_at_tls(seen: Observation) -> Observation:
    """D09: the connection breaks right behind the go-ahead."""
    starttls = seen.starttls
    if starttls is None:
        return seen
    return in_clear(seen, starttls, reason=Reason.TLS_CLOSED, capabilities=seen.capabilities)


def in_plain_text(seen: Observation) -> Observation:
    """D10, F24: a port for implicit TLS is served without it."""
    return failing(Reason.PLAINTEXT_ON_TLS_PORT, banner=seen.banner)(seen)


def with_tls(version: str, cipher: str, group: str | None = "X25519") -> Change:
    """D11, D12, D14, D15: other parameters are agreed on."""
    return lambda seen: replace(seen, tls=Tls(version, cipher, group))


def accepting(*versions: str) -> Change:
    """D13: the daily list of versions."""
    known = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
    return lambda seen: replace(seen, versions={name: name in versions for name in known})


def with_certificate(**changes: Any) -> Change:
    """D16 to D20: another certificate."""

    def change(seen: Observation) -> Observation:
        if seen.certificate is None:
            return seen
        return replace(seen, certificate=replace(seen.certificate, **changes))

    return change


ANOTHER: Mapping[str, Any] = {"fingerprint_sha256": "cd" * 32}
UNTRUSTED: Mapping[str, Any] = {
    "trusted": False,
    "problems": ("self_signed",),
    "trust_fault": "self_signed",
    "issuer": "CN=mail.site.test",
    **ANOTHER,
}
INCOMPLETE: Mapping[str, Any] = {
    "trusted": False,
    "problems": ("untrusted",),
    "trust_fault": "incomplete_chain",
    "missing_intermediate": True,
    "chain_length": 1,
}
MISNAMED: Mapping[str, Any] = {
    "name_matches": False,
    "names": ("other.test",),
    "problems": ("name_mismatch",),
    **ANOTHER,
}


def expiring_at(seconds: float) -> Change:
    """D18: the certificate ends so long after the scenario began, and is not renewed."""

    def change(seen: Observation) -> Observation:
        certificate: Certificate | None = seen.certificate
        if certificate is None:
            return seen
        end = NOW + timedelta(seconds=seconds)
        is_over = seen.started_at >= end
        dated = replace(certificate, not_after=end, problems=("expired",) if is_over else ())
        return replace(seen, certificate=replace(dated, trusted=not is_over))

    return change


def renewed(end: float, *, issuer: str | None = None, lasts: float = 90 * DAY) -> Change:
    """Another certificate, which lasts so long after `end`."""

    def change(seen: Observation) -> Observation:
        certificate = seen.certificate
        if certificate is None:
            return seen
        begin = NOW + timedelta(seconds=end)
        return replace(
            seen,
            certificate=replace(
                certificate,
                not_before=begin,
                not_after=begin + timedelta(seconds=lasts),
                issuer=issuer or certificate.issuer,
                **ANOTHER,
            ),
        )

    return change


def with_auth(*mechanisms: str) -> Change:
    """D23, F34: these ways to sign in are left inside TLS."""
    return lambda seen: replace(seen, auth_after_tls=mechanisms)


def clear_auth(seen: Observation) -> Observation:
    """D22: passwords are taken before TLS."""
    return replace(seen, auth_before_tls=("PLAIN", "LOGIN"))


def injected(seen: Observation) -> Observation:
    """D24: bytes in clear behind the go-ahead."""
    return replace(seen, starttls=StartTls(offered=True, reply="220 2.0.0 Ready", extra_plaintext=17))


def proxied(seen: Observation) -> Observation:
    """D25: STARTTLS is still offered inside TLS."""
    return replace(seen, capabilities_tls=("PIPELINING", "STARTTLS", "AUTH PLAIN"))


def mismatching(seen: Observation) -> Observation:
    """D29: the chain matches no TLSA record."""
    return replace(seen, dane=DaneMatch.MISMATCH, certificate=seen.certificate)


def marked(seen: Observation) -> Observation:
    """RFC 8446 section 4.1.3: the server says that it was offered less than we offered."""
    return replace(
        seen,
        tls=Tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", "X25519"),
        version_notes=(f"{DOWNGRADE_SENTINEL} for TLS 1.2",),
    )


def slow(seconds: float) -> Change:
    """F39: everything works, and takes so long."""
    return lambda seen: replace(seen, duration=seconds, phases={Phase.CONNECT: seconds / 2})


def by_proxy(seen: Observation) -> Observation:
    """Section 4.4: something in our own network answers in place of the server."""
    return in_clear(
        seen,
        StartTls(offered=False),
        banner="220 relay.isp.example ESMTP",
        capabilities=("PIPELINING",),
        hello="relay.isp.example Hello [10.0.0.5]",
        phases={Phase.CONNECT: 0.001},
    )


def naming_us(seen: Observation) -> Observation:
    """F19: our EHLO name is not taken; that says nothing of the server's TLS."""
    return replace(without_ehlo(seen), ehlo_reply="504 5.5.2 need a fully qualified name")


def later(seen: Observation) -> Observation:
    """F21: greylisting answers EHLO."""
    words = "450 4.3.2 try again later"
    return failing(Reason.GREETING_TEMPFAIL, banner=seen.banner, detail=words)(seen)


def without_capabilities(seen: Observation) -> Observation:
    """F36: the command is refused; STARTTLS is tried all the same, and works."""
    return replace(seen, capabilities=None, capabilities_tls=None, auth_after_tls=None)
