"""Scenarios of servers that speak their protocol with less protection than they should: all end open."""

from typing import Final

from scanner.demo import imap, pop3, smtp
from scanner.demo.authority import CertificateKind
from scanner.demo.dialogue import OnAsk, Upgrade
from scanner.demo.imap import Imap
from scanner.demo.pop3 import Pop3
from scanner.demo.scenario import Scenario, describe, opens
from scanner.demo.scenarios_good import HONEST
from scanner.demo.smtp import Smtp
from scanner.demo.tls import TlsPolicy

_NO_STARTTLS = (*smtp.BASIC, "AUTH PLAIN LOGIN")
_NO_STARTTLS_IMAP = (*imap.BASIC, "AUTH=PLAIN")
_NO_STLS = (*pop3.BASIC, "USER", "SASL PLAIN")

STRIPPED: Final[tuple[Scenario, ...]] = (
    describe("starttls-missing", "no STARTTLS on 25", 25, Smtp(before=smtp.BASIC), opens("starttls_missing")),
    describe(
        "starttls-missing", "no STARTTLS on 587", 587, Smtp(before=_NO_STARTTLS), opens("starttls_missing")
    ),
    describe(
        "starttls-missing",
        "no STARTTLS on 143",
        143,
        Imap(before=_NO_STARTTLS_IMAP),
        opens("starttls_missing"),
    ),
    describe("starttls-missing", "no STLS on 110", 110, Pop3(before=_NO_STLS), opens("starttls_missing")),
    describe(
        "starttls-masked",
        "a firewall has overwritten banner and keyword",
        25,
        Smtp(
            b"220 " + b"*" * 42 + b"\r\n",
            before=("PIPELINING", "SIZE 10240000", "XXXXXXXA", "8BITMIME"),
            refusal=b'500 5.5.1 Command unrecognized: "XXXXXXXX"\r\n',
        ),
        opens("starttls_masked", "banner_masked"),
    ),
    describe(
        "starttls-tempfail",
        "STARTTLS is offered and answered 454",
        587,
        Smtp(refusal=b"454 4.7.0 TLS not available due to local problem\r\n"),
        opens("starttls_refused"),
    ),
    describe(
        "starttls-refused",
        "STARTTLS is offered and answered 502",
        587,
        Smtp(refusal=b"502 5.5.1 Command not implemented\r\n"),
        opens("starttls_refused"),
    ),
    describe(
        "starttls-refused",
        "STARTTLS is offered and answered NO",
        143,
        Imap(refusal=b"NO TLS is not available.\r\n"),
        opens("starttls_refused"),
    ),
    describe(
        "starttls-refused",
        "STLS is offered and answered -ERR",
        110,
        Pop3(refusal=b"-ERR TLS is not available.\r\n"),
        opens("starttls_refused"),
    ),
    describe(
        "starttls-injected",
        "plaintext rides behind the go-ahead, SMTP",
        587,
        Smtp(after=smtp.SIGN_IN, starttls=Upgrade.EXTRA),
        opens("starttls_injection"),
    ),
    describe(
        "starttls-injected",
        "plaintext rides behind the go-ahead, IMAP",
        143,
        Imap(starttls=Upgrade.EXTRA),
        opens("starttls_injection"),
    ),
    describe(
        "starttls-injected",
        "plaintext rides behind the go-ahead, POP3",
        110,
        Pop3(stls=Upgrade.EXTRA),
        opens("starttls_injection"),
    ),
    describe(
        "helo-only",
        "EHLO is answered 502, HELO works",
        587,
        Smtp(on_ehlo=OnAsk.REFUSE),
        opens("ehlo_rejected"),
    ),
    describe(
        "imap-preauth",
        "an IMAP server that says everyone is signed in",
        143,
        Imap(b"* PREAUTH {host} logged in as nobody\r\n", before=imap.BASIC, is_signed_in=True),
        opens("preauth"),
    ),
    describe(
        "auth-in-clear",
        "AUTH is offered before TLS",
        587,
        Smtp(before=(*smtp.OFFER, "AUTH PLAIN LOGIN"), after=smtp.SIGN_IN),
        opens("auth_before_tls"),
    ),
    describe(
        "auth-in-clear",
        "LOGIN is allowed before TLS",
        143,
        Imap(before=(*imap.BASIC, "STARTTLS", "AUTH=PLAIN")),
        opens("auth_before_tls"),
    ),
    describe(
        "auth-in-clear",
        "USER is allowed before TLS",
        110,
        Pop3(before=(*pop3.OFFER, "USER")),
        opens("auth_before_tls"),
    ),
    describe(
        "starttls-in-tls",
        "STARTTLS is still offered inside TLS",
        587,
        Smtp(after=(*smtp.SIGN_IN, "STARTTLS")),
        opens("tls_terminated_by_proxy"),
    ),
    describe(
        "auth-missing", "no AUTH after TLS on 587", 587, Smtp(after=smtp.BASIC), opens("auth_not_offered")
    ),
    describe(
        "oauth-only",
        "no passwords: LOGINDISABLED inside TLS, and OAuth alone",
        993,
        Imap(after=(*imap.BASIC, "LOGINDISABLED", "AUTH=XOAUTH2", "AUTH=OAUTHBEARER")),
        opens("oauth_only"),
    ),
)

WEAK_TLS: Final[tuple[Scenario, ...]] = (
    describe(
        "tls10-only",
        "nothing newer than TLS 1.0",
        465,
        HONEST[465],
        opens("tls_version_below_policy"),
        tls=TlsPolicy("TLSv1.0", "TLSv1.0"),
    ),
    describe(
        "tls12-only",
        "TLS 1.2 and nothing else",
        465,
        HONEST[465],
        opens(),
        tls=TlsPolicy("TLSv1.2", "TLSv1.2"),
    ),
    describe(
        "tls13-only",
        "TLS 1.3 and nothing else",
        465,
        HONEST[465],
        opens(),
        tls=TlsPolicy("TLSv1.3", "TLSv1.3"),
    ),
    describe(
        "tls-all",
        "every version from 1.0 to 1.3",
        465,
        HONEST[465],
        opens(in_sweep=("legacy_tls_accepted",)),
        tls=TlsPolicy("TLSv1.0", "TLSv1.3"),
    ),
    *(
        describe(name, title, 993, HONEST[993], opens(verdict), tls=TlsPolicy(certificate=kind))
        for name, title, kind, verdict in (
            (
                "cert-expiring",
                "a certificate with 5 days to go",
                CertificateKind.EXPIRING,
                "certificate_expiring",
            ),
            ("cert-expired", "an expired certificate", CertificateKind.EXPIRED, "certificate_expired"),
            (
                "cert-future",
                "a certificate not yet valid",
                CertificateKind.NOT_YET_VALID,
                "certificate_not_yet_valid",
            ),
            ("cert-self", "a self-signed certificate", CertificateKind.SELF_SIGNED, "certificate_untrusted"),
            (
                "cert-other",
                "a certificate for another name",
                CertificateKind.OTHER_NAME,
                "certificate_name_mismatch",
            ),
            (
                "cert-unknown",
                "a certificate of an unknown CA",
                CertificateKind.UNKNOWN_CA,
                "certificate_untrusted",
            ),
            (
                "cert-chain",
                "the intermediate is missing",
                CertificateKind.INCOMPLETE_CHAIN,
                "certificate_untrusted",
            ),
            ("cert-weak", "an RSA key of 1024 bits", CertificateKind.WEAK_KEY, "key_weak"),
        )
    ),
)
