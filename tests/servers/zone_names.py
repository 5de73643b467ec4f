"""The names in the zones that certificates and web pages must know as well."""

CROWD_SIZE = 1000
"""Domains of one provider: `crowd0.plain.test` and so on."""

COMPLETE_HOSTS = (
    "mail.complete.plain.test",
    "mail.complete.secure.test",
    *(f"{label}.guess.plain.test" for label in ("mail", "smtp", "imap", "pop3")),
)
"""What the certificate on all seven ports names."""

CA_SIGNED_HOSTS = (
    "mx.plain.test",
    "mx.secure.test",
    "pkix.secure.test",
    "broken-tlsa.secure.test",
    *(f"mx{number}.plain.test" for number in range(10)),
)
"""What the CA-signed certificate of port 25 names."""

STS_HOST = {
    "complete.plain.test": "mail.complete.plain.test",
    "complete.secure.test": "mail.complete.secure.test",
    "sts-enforce.plain.test": "mx.plain.test",
    "sts-testing.plain.test": "mx.plain.test",
    "sts-none.plain.test": "mx.plain.test",
    "sts-wildcard.plain.test": "mx.plain.test",
    "sts-mismatch.plain.test": "mx.plain.test",
    "sts-self-signed.plain.test": "unsigned.plain.test",
    "sts-bare.plain.test": "bare.plain.test",
    "sts-garbage.plain.test": "mx.plain.test",
    "sts-404.plain.test": "mx.plain.test",
    "sts-redirect.plain.test": "mx.plain.test",
    "sts-huge.plain.test": "mx.plain.test",
    "sts-html.plain.test": "mx.plain.test",
    "sts-expired.plain.test": "mx.plain.test",
    "sts-wrong-name.plain.test": "mx.plain.test",
    "sts-dane.secure.test": "ee.secure.test",
}
"""Domains with an MTA-STS record, and their MX host. The policies are in `policy_web`."""

EXPIRED_WEB_HOST = "mta-sts.sts-expired.plain.test"
MISNAMED_WEB_HOST = "mta-sts.sts-wrong-name.plain.test"

AUTOCONFIG_DOMAINS = (
    "auto.plain.test",
    "auto-well-known.plain.test",
    "auto-http.plain.test",
    "auto-broken.plain.test",
)
AUTODISCOVER_DOMAINS = ("exchange.plain.test", "exchange-moved.plain.test")
ISPDB_HOST = "ispdb.plain.test"


def crowd() -> list[str]:
    """Return the domains that have one MX host in common."""
    return [f"crowd{number}.plain.test" for number in range(CROWD_SIZE)]


def web_hosts() -> list[str]:
    """Return every host that the web server's good certificate names."""
    policies = [f"mta-sts.{domain}" for domain in STS_HOST]
    configurations = [name for domain in AUTOCONFIG_DOMAINS for name in (domain, f"autoconfig.{domain}")]
    exchanges = [name for domain in AUTODISCOVER_DOMAINS for name in (domain, f"autodiscover.{domain}")]
    without = {EXPIRED_WEB_HOST, MISNAMED_WEB_HOST}
    return [name for name in (ISPDB_HOST, *policies, *configurations, *exchanges) if name not in without]
