"""Two probes of one unchanged server give one text; a changed server does not."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.verdict import normalise_banner

SAME_SERVER: tuple[tuple[str, str, str], ...] = (
    (
        "220 smtp.gmail.com ESMTP 5b1f17b1804b1-43612fcb8fbsm131234835e9.28 - gsmtp",
        "220 smtp.gmail.com ESMTP d2e1a72fcca58-7b0f0e4b1a2sm3456789b3a.7 - gsmtp",
        "220 smtp.gmail.com ESMTP <*> - gsmtp",
    ),
    (
        "* OK Gimap ready for requests from 203.0.113.5 h8mb30872217ejx",
        "* OK Gimap ready for requests from 2001:db8::17 ffacd0b85a97d-mb1234",
        "* OK Gimap ready for requests from <*>",
    ),
    (
        "+OK Gpop ready for requests from 203.0.113.5 h8mb30872217ejx",
        "+OK Gpop ready for requests from 198.51.100.9 k9mb1234567wrc",
        "+OK Gpop ready for requests from <*>",
    ),
    (
        (
            "220 AM0PR03CA0012.outlook.office365.com Microsoft ESMTP MAIL Service ready at "
            "Sat, 22 Nov 2025 10:11:12 +0000 [08DE2A1B3C4D5E6F]"
        ),
        (
            "220 DB8P191CA0007.outlook.office365.com Microsoft ESMTP MAIL Service ready at "
            "Sun, 7 Dec 2025 01:02:03 +0000 [08DE2A1B3C4D0000]"
        ),
        "220 <*>.outlook.office365.com Microsoft ESMTP MAIL Service ready at <*> [<*>]",
    ),
    (
        (
            "220 AM4PEPF00025F99.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at "
            "Sat, 22 Nov 2025 22:11:12 +0000"
        ),
        (
            "220 DB1PEPF000509E2.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at "
            "Mon, 24 Nov 2025 02:11:12 +0000"
        ),
        "220 <*>.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at <*>",
    ),
    (
        "* OK The Microsoft Exchange IMAP4 service is ready. [QQBNADAAUABSADAAMwBDAEEAMAAwADEAMgA=]",
        "* OK The Microsoft Exchange IMAP4 service is ready. [RABCADgAUAAxADkAMQBDAEEAMAAwADAANwA=]",
        "* OK The Microsoft Exchange IMAP4 service is ready. [<*>]",
    ),
    (
        "220 mtaproxy102.mail.bf1.yahoo.com ESMTP ready",
        "220 mtaproxy7.mail.bf2.yahoo.com ESMTP ready",
        "220 mtaproxy<*>.mail.bf<*>.yahoo.com ESMTP ready",
    ),
    (
        "220 mx.zohomail.com SMTP Server ready November 22, 2025 2:11:12 AM PST",
        "220 mx.zohomail.com SMTP Server ready December 1, 2025 11:59:01 PM PST",
        "220 mx.zohomail.com SMTP Server ready <*>",
    ),
    (
        "* OK [CAPABILITY st11 IMAP4rev1 AUTH=ATOKEN] (2414B123-abcdef012) p00-imap-7f",
        "* OK [CAPABILITY st11 IMAP4rev1 AUTH=PTOKEN] (2414B124-0123abcde) p01-imap-1c",
        "* OK [CAPABILITY <*>] (<*>) <*>",
    ),
    (
        "220 gmx.net (mrgmx105) Nemesis ESMTP Service ready",
        "220 gmx.net (mreue012) Nemesis ESMTP Service ready",
        "220 gmx.net (<*>) Nemesis ESMTP Service ready",
    ),
    (
        "* OK [CAPABILITY IMAP4rev1] IMAP server ready H mieue009 1MA7Ga-1ti0x52lBV-00ArLt",
        "* OK [CAPABILITY IMAP4rev1] IMAP server ready H migmx116 0LgM5y-1uLPqx3hzM-00nhGB",
        "* OK [CAPABILITY <*>] IMAP server ready H <*>",
    ),
    (
        "+OK POP server ready H mieue009 1MA7Ga-1ti0x52lBV",
        "+OK POP server ready H migmx116 0LgM5y-1uLPqx3hzM",
        "+OK POP server ready H <*>",
    ),
    (
        "220 smtp44.i.mail.ru ESMTP ready",
        "220 smtp7.i.mail.ru ESMTP ready",
        "220 smtp<*>.i.mail.ru ESMTP ready",
    ),
    (
        (
            "* OK Yandex IMAP4rev1 at imap-production-main-321.iva.yp-c.yandex.net:993 ready to talk with "
            "203.0.113.5:50001, 2025-Nov-22 10:11:12, aBcDeF0bWa60"
        ),
        (
            "* OK Yandex IMAP4rev1 at imap-production-main-12.iva.yp-c.yandex.net:993 ready to talk with "
            "2001:db8::17:50002, 2025-Dec-01 00:00:00, XyZaBc1dEf22"
        ),
        "* OK Yandex IMAP4rev1 at imap-production-main-<*>.iva.yp-c.yandex.net:993 ready to talk with <*>",
    ),
    ("+OK POP Ya! na@12-abcdef1234 a1B2c3D4", "+OK POP Ya! na@7-0123456789 Z9y8X7w6", "+OK POP Ya! na@<*>"),
    (
        "220 newxmesmtplogicsvrszc13-0.qq.com XMail Esmtp QQ Mail Server.",
        "220 newxmesmtplogicsvrszb6-1.qq.com XMail Esmtp QQ Mail Server.",
        "220 <*>.qq.com XMail Esmtp QQ Mail Server.",
    ),
    (
        "220 163.com Anti-spam GT for Coremail System (163com[20141201])",
        "220 163.com Anti-spam GT for Coremail System (163com[20251122])",
        "220 163.com Anti-spam GT for Coremail System (<*>[<*>])",
    ),
    (
        "* OK Coremail System IMap Server Ready(163com[10774b260cc7a37d26d71b52404dcf5c])",
        "* OK Coremail System IMap Server Ready(163com[0f00ba26a1b2c3d4e5f60718293a4b5c])",
        "* OK Coremail System IMap Server Ready(<*>[<*>])",
    ),
    (
        "220 email-smtp.amazonaws.com ESMTP SimpleEmailService-d-ABCDE1FGH aBcDeFgHiJkLmNoPqRsT",
        "220 email-smtp.amazonaws.com ESMTP SimpleEmailService-d-QWERTYUIO zYxWvUtSrQpOnMlKjIhG",
        "220 email-smtp.amazonaws.com ESMTP SimpleEmailService-<*>",
    ),
    (
        "220 mail.example.org ESMTP Exim 4.96 #2 Sat, 22 Nov 2025 10:11:12 +0100",
        "220 mail.example.org ESMTP Exim 4.96 #2 Tue, 1 Jul 2025 10:11:12 +0200",
        "220 mail.example.org ESMTP Exim 4.96 #2 <*>",
    ),
    (
        "220 mail.example.org ESMTP Sendmail 8.15.2/8.15.2/Debian; Sat, 22 Nov 2025 10:11:12 +0100 (CET)",
        "220 mail.example.org ESMTP Sendmail 8.15.2/8.15.2/Debian; Tue, 1 Jul 2025 9:11:12 +0200 (CEST)",
        "220 mail.example.org ESMTP Sendmail 8.15.2/8.15.2/Debian; <*>",
    ),
    (
        "220 mail.example.org ESMTP spamd IP-based SPAM blocker; Sat Nov 22 10:11:12 2025",
        "220 mail.example.org ESMTP spamd IP-based SPAM blocker; Mon Dec  1 00:00:00 2025",
        "220 mail.example.org ESMTP spamd IP-based SPAM blocker; <*>",
    ),
    (
        "220 mail.example.org ESMTP MailEnable Service, Version: 10.55-- ready at 11/22/25 09:28:32",
        "220 mail.example.org ESMTP MailEnable Service, Version: 10.55-- ready at 12/01/25 23:00:00",
        "220 mail.example.org ESMTP MailEnable Service, Version: 10.55-- ready at <*>",
    ),
    (
        "220 mail.example.org ESMTP IceWarp 11.4.6.0 x64; Sat, 22 Nov 2025 10:11:12 +0100",
        "220 mail.example.org ESMTP IceWarp 11.4.6.0 x64; Sun, 23 Nov 2025 10:11:12 +0100",
        "220 mail.example.org ESMTP IceWarp 11.4.6.0 x64; <*>",
    ),
    ("220 mx ready 2025-11-22T10:11:12Z", "220 mx ready 2025-12-01T00:00:00.123Z", "220 mx ready <*>"),
    ("220 mx ready 2025/11/22 10:11:12", "220 mx ready 2025/12/01 00:00:00", "220 mx ready <*>"),
    ("220 mx ready 22.11.2025 10:11:12", "220 mx ready 01.12.2025 00:00:00", "220 mx ready <*>"),
    ("220 mx ready at 10:11:12 from [192.0.2.1]", "220 mx ready at 23:59:59 from [192.0.2.99]", ""),
    ("+OK <1896.697170952@mail.example.org>", "+OK <7.1700000000@mail.example.org>", "+OK <*>"),
    (
        "+OK Dovecot ready. <1a2b.3.67f.abc==@mail>",
        "+OK Dovecot ready. <9.9.9.Zz+/==@mail>",
        "+OK Dovecot ready. <*>",
    ),
    (
        "+OK Hello there. <12345.17@localhost>",
        "+OK Hello there. <54321.18@localhost>",
        "+OK Hello there. <*>",
    ),
    (
        "* OK perdition ready on mail.example.org 0002ed4b",
        "* OK perdition ready on mail.example.org 00030a11",
        "",
    ),
    (
        "220 mx.example.org ESMTP (d3b07384d113edec49eaa6238ad5ff00)",
        "220 mx.example.org ESMTP (00ff5da8326aae94cede311d48370b3d)",
        "220 mx.example.org ESMTP (<*>)",
    ),
    ("220 mx0a-1.pphosted.com ESMTP mfa-m0123456", "220 mx0a-1.pphosted.com ESMTP mfa-m0999999", ""),
    ("220 a95ce8492965 Stalwart ESMTP", "220 0f00ba12c3d4 Stalwart ESMTP", "220 <*> Stalwart ESMTP"),
    (
        "220-mx1.a.example.org hi\\n220 mx1.a.example.org pid 123456",
        "220-mx2.a.example.org hi\\n220 mx2.a.example.org pid 98765",
        "",
    ),
)

UNTOUCHED = (
    "220 mail.example.org ESMTP Postfix (Debian/GNU)",
    "220 mail.example.org Mercury/32 v4.80 ESMTP server ready.",
    "220 mail.example.org ESMTP Haraka/3.0.3 ready",
    "220 out.example.org ESMTP PowerMTA(TM) v5.0r8 service ready",
    "220 mail.example.org ESMTP Service (HCL Domino Release 12.0.1FP1) ready",
    "* OK mail.example.org Cyrus IMAP 3.6.1-Debian-3.6.1-4 server ready",
    "* OK mail.example.org IMAP4rev1 2007e.404",
    "* OK Domino IMAP4 Server Release 9.0.1FP10 ready",
    "* OK mail.example.org Zimbra 8.8.15_GA_3869 IMAP4rev1",
    "+OK XMail POP3 Server v1.0 Service Ready(XMail v1.0)",
    "220 163.com ESMTP",
    "220",
    "",
)

CHANGED = (
    ("220 mx.example.org ESMTP Exim 4.96", "220 mx.example.org ESMTP Exim 4.97"),
    ("220 mx.example.org ESMTP Postfix", "220 mx.example.org ESMTP Exim 4.96"),
    ("220 mx.example.org ESMTP", "220 relay.provider.example ESMTP"),
    ("* OK Kerio Connect 9.4.2 IMAP4rev1 server ready", "* OK Kerio Connect 9.4.3 IMAP4rev1 server ready"),
    ("* OK mail IceWarp 13.0.3.7 IMAP4rev1 ready", "* OK mail IceWarp 13.0.3.8 IMAP4rev1 ready"),
)

PARTS = [
    "220 ",
    "<",
    ">",
    "@",
    "[",
    "]",
    "(",
    "1.2.3.4",
    "::",
    "Sat, 22 Nov 2025",
    "10:11:12",
    "aB",
    "7",
    ".",
    " ",
    "<*>",
]


@pytest.mark.parametrize(("first", "second", "expected"), SAME_SERVER)
def test_an_unchanged_server_gives_an_unchanged_text(first: str, second: str, expected: str) -> None:
    """What differs from probe to probe is gone, in both the same way."""
    assert normalise_banner(first) == normalise_banner(second)
    assert "<*>" in normalise_banner(first)
    assert normalise_banner(first) == expected or not expected


@pytest.mark.parametrize("banner", UNTOUCHED)
def test_names_and_versions_stay(banner: str) -> None:
    """What tells the server apart is left alone."""
    assert normalise_banner(banner) == banner


@pytest.mark.parametrize(("before", "after"), CHANGED)
def test_a_changed_server_gives_another_text(before: str, after: str) -> None:
    """A new product, version or host is seen."""
    assert normalise_banner(before) != normalise_banner(after)


def test_our_own_address_is_not_shown() -> None:
    """An echoed client address goes, in every way of writing it."""
    for address in (
        "203.0.113.5",
        "[203.0.113.5]",
        "(203.0.113.5:50001)",
        "[IPv6:2001:db8::17]",
        "2001:db8::17,",
    ):
        text = normalise_banner(f"220 mx.example.org hello {address} welcome")
        assert "203" not in text
        assert "db8" not in text
        assert text.endswith("welcome")


def test_the_text_is_short_and_the_placeholder_whole() -> None:
    """At most 120 characters, and the cut leaves no half placeholder."""
    for length in range(105, 125):
        text = normalise_banner(f"220 {'a' * length} 203.0.113.5 b")
        assert len(text) <= 120
        assert text.count("<") == text.count("<*>")


@given(st.one_of(st.text(max_size=600), st.lists(st.sampled_from(PARTS), max_size=80).map("".join)))
@example("220 ::")
@example("220 .")
@example("220 <*")
def test_hostile_banners_raise_nothing(banner: str) -> None:
    """Whatever a server says, the text is bounded and has no line break."""
    text = normalise_banner(banner)

    assert len(text) <= 120
    assert "\n" not in text
