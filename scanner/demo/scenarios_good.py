"""Scenarios of servers in good order, some of them odd but lawful: all end open."""

from typing import Final

from scanner.demo import pop3, smtp
from scanner.demo.dialogue import Behaviour, OnAsk
from scanner.demo.imap import Imap
from scanner.demo.pop3 import Pop3
from scanner.demo.scenario import Scenario, describe, opens
from scanner.demo.smtp import Smtp

_SUBMISSION = Smtp(after=smtp.SIGN_IN)

HONEST: Final[dict[int, Behaviour]] = {
    25: Smtp(),
    465: _SUBMISSION,
    587: _SUBMISSION,
    143: Imap(),
    993: Imap(),
    110: Pop3(),
    995: Pop3(),
}
"""A server in good order for each of the seven ports."""

_ODD_BYTES = b'"quoted" back\\slash {brace="x"} \x1b[31mred\x1b[0m bare\rreturn \xff\xfe\x80'

GOOD: Final[tuple[Scenario, ...]] = (
    *(
        describe("healthy", f"everything in good order on {port}", port, HONEST[port], opens())
        for port in HONEST
    ),
    describe(
        "starttls-last", "STARTTLS is the last line of the EHLO reply", 25, Smtp(before=smtp.OFFER), opens()
    ),
    describe(
        "starttls-lower-case",
        "the keyword in lower case, in the middle",
        25,
        Smtp(before=("PIPELINING", "starttls", "size 10240000", "8bitmime")),
        opens(),
    ),
    describe(
        "greeting-lines",
        "a greeting of many lines",
        25,
        Smtp(
            b"".join(b"220-{host} line %d of a long welcome\r\n" % i for i in range(20))
            + b"220 {host} ESMTP\r\n"
        ),
        opens(),
    ),
    describe("greeting-bare", "a greeting that is only the code", 25, Smtp(b"220\r\n"), opens()),
    describe("greeting-slow", "a greeting that takes its time", 25, Smtp(), opens(), greeting_delay=8.0),
    describe(
        "banner-odd",
        "a banner with quotes, backslashes, bare line ends, escapes and bytes that are no UTF-8",
        25,
        # Both readings of the bare newline, as a line end or as a character, make a lawful greeting.
        Smtp(b"220-{host} " + _ODD_BYTES + b"\n220-second\r\n220 {host} " + _ODD_BYTES + b"\r\n"),
        opens(),
    ),
    describe(
        "banner-odd",
        "an IMAP banner of odd bytes",
        143,
        Imap(b"* OK {host} " + _ODD_BYTES + b"\r\n"),
        opens(),
    ),
    describe(
        "banner-odd", "a POP3 banner of odd bytes", 110, Pop3(b"+OK {host} " + _ODD_BYTES + b"\r\n"), opens()
    ),
    describe(
        "imap-bare-greeting",
        "an IMAP greeting without capabilities",
        143,
        Imap(b"* OK {host} ready\r\n"),
        opens(),
    ),
    describe(
        "imap-chatter",
        "untagged lines, and a literal that looks like the tagged reply",
        143,
        Imap(is_chatty=True),
        opens(),
    ),
    describe("pop3-no-capa", "CAPA is unknown, yet STLS works", 110, Pop3(on_capa=OnAsk.REFUSE), opens()),
    describe(
        "pop3-apop",
        "a banner with an APOP timestamp",
        110,
        Pop3(b"+OK {host} <1896.697170952@{host}>\r\n"),
        opens(),
    ),
    describe(
        "pop3-dots",
        "capabilities that begin with a dot",
        110,
        Pop3(before=(*pop3.OFFER, ".X-DOT"), after=(*pop3.SIGN_IN, ".X-DOT")),
        opens(),
    ),
)
