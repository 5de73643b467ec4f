"""Verdicts as the judge words them, for the pages to show."""

from scanner.model import Kind, Severity, Verdict

BLOCKED = Verdict(
    "port_blocked",
    Kind.BLOCKED,
    Severity.CRITICAL,
    "Nothing answers on port 25 of 198.51.100.23, while the control servers answer on that port.",
    "Ask whoever runs the firewall in front of this server to let TCP port 25 through.",
)
STRIPPED = Verdict(
    "starttls_missing",
    Kind.DOWNGRADE,
    Severity.CRITICAL,
    "The server no longer offers STARTTLS; it did in the last 214 probes.",
    "Look for a firewall with mail inspection on the way, and switch STARTTLS on again in the server.",
)
MASKED = Verdict(
    "starttls_masked",
    Kind.DOWNGRADE,
    Severity.CRITICAL,
    "STARTTLS is overwritten with XXXXXXXA in the capabilities: a firewall on the way hides it.",
    "Switch off SMTP inspection (fixup, ESMTP inspect) in the firewall.",
)
EXPIRED = Verdict(
    "certificate_expired",
    Kind.MISCONFIGURATION,
    Severity.CRITICAL,
    "The certificate expired 3 days ago.",
    "Renew the certificate and reload the server; look why the automatic renewal did not run.",
)
EXPIRING = Verdict(
    "certificate_expiring",
    Kind.MISCONFIGURATION,
    Severity.WARNING,
    "The certificate expires in 6 days.",
    "Renew it now; automatic renewal usually runs 30 days before.",
)
SELF_SIGNED = Verdict(
    "certificate_untrusted",
    Kind.MISCONFIGURATION,
    Severity.WARNING,
    "The certificate is signed by itself, so nobody can tell who answers.",
    "Install a certificate of a public authority with the whole chain.",
)
LEGACY = Verdict(
    "legacy_tls_accepted",
    Kind.WEAKNESS,
    Severity.NOTICE,
    "TLS 1.0 and 1.1 are still accepted beside TLS 1.3.",
    "Allow TLS 1.2 and later only.",
)
OLD_TLS = Verdict(
    "tls_version_below_policy",
    Kind.WEAKNESS,
    Severity.WARNING,
    "The server negotiates at most TLS 1.0; the policy asks for TLS 1.2.",
    "Upgrade the server's TLS library and allow TLS 1.2 and 1.3.",
)
CLEAR_AUTH = Verdict(
    "auth_before_tls",
    Kind.WEAKNESS,
    Severity.WARNING,
    "The server takes a password before TLS.",
    "Offer sign-in only inside TLS (in Dovecot: disable_plaintext_auth = yes).",
)
REJECTED = Verdict(
    "greeting_rejected",
    Kind.NOTICE,
    Severity.NOTICE,
    "The server turns our address away: 554 5.7.1 rejected by a block list.",
    "Probe from an address with a good name and a matching reverse record.",
)
CLOSED = Verdict(
    "port_closed",
    Kind.NOTICE,
    Severity.WARNING,
    "Nothing listens on port 995, though the domain publishes it.",
    "Start POP3 over TLS, or take the SRV record away.",
)
PLAIN_ON_TLS = Verdict(
    "plaintext_on_tls_port",
    Kind.DOWNGRADE,
    Severity.CRITICAL,
    "Port 465 answers in plain text where TLS must begin at once.",
    "Set smtpd_tls_wrappermode=yes for this service in master.cf.",
)
EGRESS = Verdict(
    "egress_blocked",
    Kind.BLOCKED,
    Severity.NOTICE,
    "Our own network lets nothing out on port 25: no control server answers either.",
    "Ask your provider to open outgoing port 25. The target is not to blame.",
)
