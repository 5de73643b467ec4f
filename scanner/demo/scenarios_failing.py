"""Scenarios that do not end open: no way in, turned away, no mail protocol, and TLS that breaks."""

from typing import Final

from scanner.demo.dialogue import ALERT, GARBAGE, Contrary, OnAsk, Upgrade
from scanner.demo.hostile import Answer, Close, CloseOnHello, Drip, Flood, Reset, Say, Silent
from scanner.demo.imap import Imap
from scanner.demo.pop3 import Pop3
from scanner.demo.scenario import WAITS, NoServer, Scenario, describe, fails, opens
from scanner.demo.scenarios_good import HONEST
from scanner.demo.smtp import Smtp
from scanner.model import Reason

_HTTP_400 = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

NO_WAY_IN: Final[tuple[Scenario, ...]] = (
    describe(
        "refused", "nothing listens", 587, NoServer.REFUSED, fails(Reason.CONNECTION_REFUSED, "port_closed")
    ),
    *(
        describe(
            "blocked",
            f"packets to {port} vanish",
            port,
            NoServer.BLOCKED,
            fails(Reason.CONNECT_TIMEOUT, "port_blocked", bound=WAITS),
        )
        for port in (25, 465)
    ),
    describe("blocked", "another port of the same host works", 587, HONEST[587], opens()),
)

TURNED_AWAY: Final[tuple[Scenario, ...]] = (
    describe(
        "greeting-554",
        "a greeting of 554",
        25,
        Smtp(b"554 5.7.1 {host} no service for you\r\n", rejects=True),
        fails(Reason.GREETING_REJECTED, "greeting_rejected"),
    ),
    describe(
        "greeting-421",
        "a greeting of 421",
        25,
        Smtp(b"421 4.7.0 {host} too many connections\r\n", ends_after_greeting=True),
        fails(Reason.GREETING_TEMPFAIL, "greeting_rejected"),
    ),
    describe(
        "imap-bye",
        "an IMAP greeting of BYE",
        143,
        Imap(b"* BYE {host} overloaded\r\n", ends_after_greeting=True),
        fails(Reason.IMAP_BYE, "greeting_rejected"),
    ),
    describe(
        "pop3-err",
        "a POP3 greeting of -ERR",
        110,
        Pop3(b"-ERR [SYS/TEMP] {host} overloaded\r\n", ends_after_greeting=True),
        fails(Reason.POP3_ERR, "greeting_rejected"),
    ),
)

NO_MAIL: Final[tuple[Scenario, ...]] = (
    describe("mute", "accepts and says nothing", 25, Silent(), fails(Reason.NO_GREETING, bound=WAITS)),
    describe(
        "drip", "one byte a second, no end", 25, Drip(b"220 a"), fails(Reason.READ_TIMEOUT, bound=WAITS)
    ),
    describe("close", "closes after the accept", 25, Close(), fails(Reason.CLOSED_BEFORE_GREETING)),
    describe("reset", "resets after the accept", 25, Reset(), fails(Reason.RESET_BEFORE_GREETING)),
    describe("endless", "a greeting without end", 25, Flood(b"220-and on\r\n"), fails(Reason.PROTOCOL_ERROR)),
    describe(
        "long-line",
        "a line of one megabyte",
        25,
        Say(b"220 " + b"a" * 1_000_000 + b"\r\n"),
        fails(Reason.PROTOCOL_ERROR),
    ),
    describe("garbage", "bytes that are no text", 25, Say(GARBAGE + b"\r\n"), fails(Reason.PROTOCOL_ERROR)),
    describe("nul-bytes", "a line of NUL bytes", 25, Say(bytes(200) + b"\r\n"), fails(Reason.PROTOCOL_ERROR)),
    describe("http", "a web server", 25, Answer(_HTTP_400), fails(Reason.WRONG_PROTOCOL, bound=WAITS)),
    describe("ssh", "an SSH server", 25, Say(b"SSH-2.0-OpenSSH_9.2p1\r\n"), fails(Reason.WRONG_PROTOCOL)),
    describe("imap-on-smtp", "an IMAP server on 25", 25, Imap(), fails(Reason.WRONG_PROTOCOL)),
    describe("smtp-on-imap", "an SMTP server on 143", 143, Smtp(), fails(Reason.WRONG_PROTOCOL)),
    describe(
        "lost-after-ehlo",
        "closes when it hears EHLO",
        25,
        Smtp(on_ehlo=OnAsk.CLOSE),
        fails(Reason.CONNECTION_LOST),
    ),
    describe(
        "reset-after-ehlo",
        "resets when it hears EHLO",
        25,
        Smtp(on_ehlo=OnAsk.RESET),
        fails(Reason.CONNECTION_LOST),
    ),
    describe(
        "mute-after-ehlo",
        "never answers EHLO",
        25,
        Smtp(on_ehlo=OnAsk.SILENCE),
        fails(Reason.READ_TIMEOUT, bound=WAITS),
    ),
)

BROKEN_TLS: Final[tuple[Scenario, ...]] = (
    describe(
        "starttls-garbage",
        "garbage in place of a ServerHello",
        587,
        Smtp(starttls=Upgrade.GARBAGE),
        fails(Reason.TLS_HANDSHAKE_FAILED, "starttls_dropped"),
    ),
    describe(
        "starttls-alert",
        "an alert in place of a ServerHello",
        587,
        Smtp(starttls=Upgrade.ALERT),
        fails(Reason.TLS_HANDSHAKE_FAILED, "starttls_dropped"),
    ),
    describe(
        "starttls-cut",
        "closes when it hears STARTTLS",
        587,
        Smtp(starttls=Upgrade.CUT),
        fails(Reason.CONNECTION_LOST, "starttls_dropped"),
    ),
    describe(
        "starttls-close",
        "closes after the go-ahead",
        587,
        Smtp(starttls=Upgrade.CLOSE),
        fails(Reason.TLS_CLOSED, "starttls_dropped"),
    ),
    describe(
        "starttls-drop",
        "closes when it sees the ClientHello",
        587,
        Smtp(starttls=Upgrade.CLOSE_ON_HELLO),
        fails(Reason.TLS_CLOSED, "starttls_dropped"),
    ),
    describe(
        "starttls-reset",
        "resets when it sees the ClientHello",
        587,
        Smtp(starttls=Upgrade.RESET_ON_HELLO),
        fails(Reason.TLS_CLOSED, "starttls_dropped"),
    ),
    describe(
        "starttls-silence",
        "silence after the go-ahead",
        587,
        Smtp(starttls=Upgrade.SILENCE),
        fails(Reason.TLS_TIMEOUT, "starttls_dropped", bound=WAITS),
    ),
    describe(
        "tls-alert",
        "an alert in place of a ServerHello",
        993,
        Answer(ALERT),
        fails(Reason.TLS_HANDSHAKE_FAILED),
    ),
    describe(
        "tls-drop", "closes when it sees the ClientHello", 993, CloseOnHello(), fails(Reason.TLS_CLOSED)
    ),
    describe(
        "tls-mute", "never answers the ClientHello", 993, Silent(), fails(Reason.TLS_TIMEOUT, bound=WAITS)
    ),
    *(
        describe(
            "plaintext",
            f"no TLS on {port}",
            port,
            Contrary(HONEST[port]),
            fails(Reason.PLAINTEXT_ON_TLS_PORT, "plaintext_on_tls_port"),
        )
        for port in (465, 993, 995)
    ),
    *(
        describe(
            "tls-first",
            f"TLS from the first byte on {port}",
            port,
            Contrary(HONEST[port]),
            fails(Reason.TLS_ON_PLAINTEXT_PORT, "tls_on_plaintext_port", bound=WAITS),
        )
        for port in (25, 587, 143, 110)
    ),
)
