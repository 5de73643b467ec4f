"""The table of marks by which mail products and services show themselves: first row that fits wins."""

import re
from dataclasses import dataclass

from scanner.model import Protocol

_NOT_INSIDE_A_WORD = r"(?<![\w.@-])"
_NOT_GOING_ON_AS_A_NAME = r"(?![A-Za-z_@]|[.-][A-Za-z])"
"""`Postfix` must not be found in `postfix-relay` or `postfix.example.org`; a version may follow directly."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: a product's name and the words that give it away.

    `at_start` marks are compared with the whole greeting, host name included; all others only with what
    the server says behind its host name. A group called `version` in the pattern is the version.
    """

    name: str
    pattern: re.Pattern[str]
    protocol: Protocol | None = None
    at_start: bool = False


def _says(name: str, words: str, protocol: Protocol | None = None) -> Mark:
    pattern = f"{_NOT_INSIDE_A_WORD}(?:{words}){_NOT_GOING_ON_AS_A_NAME}"
    return Mark(name, re.compile(pattern, re.ASCII), protocol)


def _says_only(name: str, words: str, protocol: Protocol) -> Mark:
    return Mark(name, re.compile(f"^(?:{words})$", re.ASCII), protocol)


def _opens(name: str, words: str) -> Mark:
    return Mark(name, re.compile(f"^(?:{words})", re.ASCII), Protocol.SMTP, at_start=True)


SMTP, IMAP, POP3 = Protocol.SMTP, Protocol.IMAP, Protocol.POP3

MARKS: tuple[Mark, ...] = (
    # Greetings without a host name: the product stands where the host name should.
    _opens("iCloud Mail", r"iCloud SMTP -"),
    _opens("SendGrid", r"SG ESMTP service ready at"),
    _opens("Mailgun", r"Mailgun Influx ready"),
    _opens("Stalwart", r"Stalwart E?SMTP at your service"),
    _opens("Apache James", r"Apache JAMES"),
    _opens(
        "ArGoSoft Mail Server",
        r"ArGoSoft Mail Server(?:[^,]{0,40}, Version [^\d]{0,3}(?P<version>\d[\d.]{1,10}))?",
    ),
    # Services with a wording of their own.
    _says("Gmail", r"- gsmtp$", SMTP),
    _says("Gmail", r"Gimap ready for requests", IMAP),
    _says("Gmail", r"Gpop ready for requests", POP3),
    _says("Microsoft SMTP Service", r"Microsoft ESMTP MAIL Service(?=, Version)", SMTP),
    _says("Microsoft Exchange", r"Microsoft ESMTP MAIL Service", SMTP),
    _says(
        "Microsoft Exchange", r"Microsoft Exchange(?: Server (?P<version>20\d\d))? (?:IMAP4(?:rev1)?|POP3)"
    ),
    _says("Microsoft Exchange", r"Microsoft Exchange Server (?P<version>20\d\d)"),
    _says("Amazon SES", r"ESMTP SimpleEmailService-[\w-]{1,80}", SMTP),
    _says("GMX Nemesis", r"Nemesis ESMTP Service ready", SMTP),
    _says("GMX Nemesis", r"^IMAP server ready H(?= )", IMAP),
    _says("GMX Nemesis", r"^POP server ready H(?= )", POP3),
    _says("Yandex Mail", r"^Yandex IMAP4rev1 at", IMAP),
    _says("Yandex Mail", r"^POP Ya!", POP3),
    _says("QQ Mail", r"XMail Esmtp QQ Mail Server|QQMail XMIMAP4Server|XMail POP3 Server v1\.0"),
    _says(
        "Coremail", r"for Coremail System|^Coremail System IMap Server|^Welcome to coremail Mail Pop3 Server"
    ),
    _says("Zoho Mail", r"Zoho Mail (?:IMAP4rev1|POP3) Server"),
    _says("Yahoo Mail", r"^Welcome! IMAP Server up and ready to accept your request", IMAP),
    _says("Yahoo Mail", r"^Hello from jpop", POP3),
    _says("iCloud Mail", r"iSCREAM ready to rumble", IMAP),
    _says("Mailjet", r"ESMTP Mailjet", SMTP),
    _says("Cloudflare Email Routing", r"Cloudflare Email ESMTP Service", SMTP),
    _says("MailChannels", r"ESMTP MailChannels", SMTP),
    _says("Infomaniak", r"ESMTP Infomaniak Network Mail Servers", SMTP),
    # Filters and gateways.
    _says("Proofpoint", r"ESMTP Proofpoint(?: Protection Server)?", SMTP),
    _says("Mimecast", r"ESMTP Mimecast", SMTP),
    _says("Barracuda", r"Barracuda (?:ESMTP|Networks|Spam Firewall|Email Security)", SMTP),
    _says_only("Barracuda", r"ESMTP \([0-9a-f]{32}\)", SMTP),
    _says("Cisco IronPort", r"ESMTP IronPort|IronPort (?:AsyncOS|ESMTP)", SMTP),
    _says(
        "Symantec Messaging Gateway", r"Symantec (?:Messaging Gateway|Mail Security|Brightmail Gateway)", SMTP
    ),
    _says("Sophos", r"Sophos (?:Email Appliance|UTM|Firewall)", SMTP),
    _says("FortiMail", r"FortiMail", SMTP),
    _says("FortiMail", r"^ESMTP Smtpd(?=;)", SMTP),
    _says("Trend Micro", r"Trend Micro (?:InterScan|ESMTP|Email|Hosted|IMSVA|ScanMail)", SMTP),
    _says("Hornetsecurity", r"ESMTP - Hornetsecurity", SMTP),
    _says("OpenBSD spamd", r"ESMTP spamd IP-based SPAM blocker", SMTP),
    _says("Halon", r"ESMTP Halon|Halon (?:ESMTP|MTA|SMTP)", SMTP),
    # Senders of bulk mail.
    _says("PowerMTA", r"PowerMTA", SMTP),
    _says("Momentum", r"ESMTP ecelerity", SMTP),
    _says("ZoneMTA", r"ESMTP ZoneMTA", SMTP),
    _says("Postal", r"ESMTP Postal/\w{1,16}", SMTP),
    # Suites: SMTP, IMAP and POP3 of one maker.
    _says("MDaemon", r"(?:ESMTP|IMAP4rev1|POP3?) MDaemon"),
    _says("Kerio Connect", r"Kerio Connect"),
    _says("Kerio MailServer", r"Kerio MailServer"),
    _says("IceWarp", r"IceWarp"),
    _says("Merak", r"Merak"),
    _says("MailEnable", r"MailEnable (?:Service|POP3 Server|IMAP(?:4rev1)? Server)"),
    _says("Domino", r"(?:Lotus|IBM|HCL) (?:Domino|Notes POP3 server)|^Domino IMAP4 Server"),
    _says("GroupWise", r"GroupWise (?:Internet Agent|IMAP4rev1 Server|POP3 [Ss]erver)"),
    _says("CommuniGate Pro", r"CommuniGate Pro(?: (?:IMAP|POP3) Server)?"),
    _says("Apache James", r"JAMES (?:SMTP|POP3|IMAP4rev1) Server|Apache JAMES"),
    _says("Stalwart", r"Stalwart (?:E?SMTP|IMAP4rev[12]|POP3|Mail)"),
    _says("Axigen", r"(?:Axigen|AXIGEN) (?:ESMTP|IMAP4rev1|POP3)"),
    _says("SmarterMail", r"SmarterMail"),
    _says("SurgeMail", r"SurgeSMTP|SurgeMail"),
    _says("Zimbra", r"Zimbra(?: (?:IMAP4rev1|POP3|LMTP))?"),
    _says("hMailServer", r"hMailServer"),
    _says_only("hMailServer", r"IMAPrev1", IMAP),
    _says_only("hMailServer", r"POP3", POP3),
    _says("Citadel", r"Citadel(?:/UX)? (?:server|IMAP4rev1|POP3)"),
    _says("Mercury/32", r"Mercury/32"),
    _says("IMail", r"\(IMail"),
    _says("InterMail", r"\(InterMail"),
    _says("Oracle Messaging Server", r"Oracle Communications Messaging (?:Exchange )?Server"),
    _says("Sun Messaging Server", r"Sun (?:Java\(tm\) System|ONE) Messaging Server"),
    _says("MailSite", r"MailSite (?:ESMTP Receiver|POP3 Server|IMAP4 Server)"),
    _says("XMail", r"XMail (?P<version>\d\.\d{1,3}) (?:ESMTP|SMTP|POP3) Server"),
    _says("mox", r"ESMTP mox|^mox imap"),
    _says("Proton Mail Bridge", r"Proton Mail Bridge"),
    _says("GreenMail", r"GreenMail (?:SMTP Service|Server|ready)|Server GreenMail|POP3 GreenMail Server"),
    # Servers of one protocol.
    _says("Postfix", r"Postfix", SMTP),
    _says("Exim", r"Exim", SMTP),
    _says("Sendmail", r"Sendmail", SMTP),
    _says("OpenSMTPD", r"OpenSMTPD", SMTP),
    _says("Haraka", r"Haraka", SMTP),
    _says("qpsmtpd", r"ESMTP qpsmtpd", SMTP),
    _says("netqmail", r"netqmail", SMTP),
    _says("qmail", r"(?:ESMTP |s/)?qmail(?:-smtpd)?", SMTP),
    _says("SubEthaSMTP", r"SubEthaSMTP", SMTP),
    _says("MailHog", r"ESMTP MailHog", SMTP),
    _says("Mailpit", r"Mailpit ESMTP Service", SMTP),
    _says("Python smtpd", r"^Python SMTP proxy", SMTP),
    _says("aiosmtpd", r"^Python SMTP", SMTP),
    _says_only("go-smtp", r"ESMTP Service Ready", SMTP),
    _says("Courier", r"Courier(?:-IMAP|-POP3)?"),
    _says("Courier", r"^Hello there\.", POP3),
    _says("Cyrus IMAP", r"Cyrus (?:IMAP4?|POP3)"),
    _says("Dovecot", r"Dovecot(?: Pro)?"),
    _says("Perdition", r"perdition ready on"),
    _says("UW IMAP", r"IMAP4rev1 v?(?P<version>20\d\d[a-z]?\.\d{1,4}\w{0,4}) at", IMAP),
    _says(
        "UW IMAP", r"^POP3 (?:[\w-]{1,63} )?v?(?P<version>20\d\d[a-z]?\.\d{1,4}\w{0,4}) server ready", POP3
    ),
    _says("Qpopper", r"^(?:Qpopper|QPOP)", POP3),
    _says("Teapop", r"^Teapop", POP3),
    _says("DBMail", r"^dbmail (?:imap|pop3)"),
    _says("Binc IMAP", r"Binc IMAP", IMAP),
    _says("Archiveopteryx", r"Archiveopteryx"),
    _says("Solid POP3", r"^Solid POP3 server ready", POP3),
    _says_only("nginx", r"IMAP4 ready", IMAP),
    _says_only("nginx", r"POP3 ready", POP3),
)

DOMAINS: dict[str, str] = {
    domain: name
    for name, domains in (
        ("AOL Mail", "aol.com"),
        ("Barracuda", "barracudanetworks.com cudaops.com"),
        ("Cisco IronPort", "iphmx.com"),
        ("Fastmail", "fastmail.com messagingengine.com"),
        ("FortiMail", "fortimailcloud.com"),
        ("Hornetsecurity", "hornetsecurity.com antispameurope.com"),
        ("iCloud Mail", "icloud.com mail.me.com"),
        ("Mail.ru", "mail.ru"),
        ("Mimecast", "mimecast.com mimecast.co.za mimecast-offshore.com"),
        ("Proofpoint", "pphosted.com ppe-hosted.com"),
        ("Proton Mail", "protonmail.ch proton.me"),
        ("Rackspace Email", "emailsrvr.com"),
        ("Sophos", "hydra.sophos.com"),
        ("Symantec Email Security", "messagelabs.com symcld.net"),
        ("Trend Micro", "hes.trendmicro.com hes.trendmicro.eu tmes.trendmicro.com tmes.trendmicro.eu"),
        ("Yahoo Mail", "yahoo.com yahoo.co.jp"),
        ("Yandex Mail", "yandex.net yandex.ru yandex.com"),
        ("Zoho Mail", "zoho.com zoho.eu zoho.in zoho.jp zoho.com.au zohomail.com zohomail.eu zohocloud.ca"),
    )
    for domain in domains.split()
}
"""Services whose greeting says nothing but a host name under a domain of their own."""

CAPABILITIES: dict[str, str] = {
    "X-GM-EXT-1": "Gmail",
    "XYMHIGHESTMODSEQ": "Yahoo Mail",
    "AUTH=ATOKEN": "iCloud Mail",
    "XMAGICTRASH": "Courier",
    "X-EXPS": "Microsoft Exchange",
    "X-ANONYMOUSTLS": "Microsoft Exchange",
    "XEXCH50": "Microsoft Exchange",
}
"""Capabilities that only one product announces."""
