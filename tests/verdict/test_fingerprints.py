"""Which product a greeting gives away, and which it must not."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.model import Protocol
from scanner.verdict import identify
from tests.verdict.greetings import BY_CAPABILITY, IMAP_GREETINGS, POP3_GREETINGS, SMTP_GREETINGS

HOSTILE_PARTS = st.sampled_from(
    [
        "220 ",
        "220-",
        "* OK ",
        "* PREAUTH ",
        "+OK ",
        "[CAPABILITY ",
        "]",
        "<",
        "@",
        "((((",
        "1.",
        "a.",
        "Postfix",
        "\\n",
    ]
)


@pytest.mark.parametrize(("banner", "product"), SMTP_GREETINGS)
def test_smtp_greeting(banner: str, product: str | None) -> None:
    """An SMTP greeting gives its product, or nothing."""
    assert identify(Protocol.SMTP, banner, ()) == product


@pytest.mark.parametrize(("banner", "product"), IMAP_GREETINGS)
def test_imap_greeting(banner: str, product: str | None) -> None:
    """An IMAP greeting gives its product, or nothing."""
    assert identify(Protocol.IMAP, banner, ()) == product


@pytest.mark.parametrize(("banner", "product"), POP3_GREETINGS)
def test_pop3_greeting(banner: str, product: str | None) -> None:
    """A POP3 greeting gives its product, or nothing."""
    assert identify(Protocol.POP3, banner, ()) == product


@pytest.mark.parametrize(("protocol", "capabilities", "product"), BY_CAPABILITY)
def test_capabilities(protocol: Protocol, capabilities: tuple[str, ...], product: str | None) -> None:
    """A greeting that says nothing leaves the word to the capabilities."""
    silent = {
        Protocol.SMTP: "220 mx.example.org ESMTP",
        Protocol.IMAP: "* OK ready",
        Protocol.POP3: "+OK ready",
    }

    assert identify(protocol, silent[protocol], capabilities) == product


def test_the_greeting_outranks_the_capabilities() -> None:
    """What the server says of itself counts more than what it can do."""
    assert identify(Protocol.SMTP, "220 mx.example.org ESMTP Postfix", ("X-EXPS GSSAPI",)) == "Postfix"


@pytest.mark.parametrize("protocol", list(Protocol))
def test_no_banner(protocol: Protocol) -> None:
    """No greeting, no product."""
    assert identify(protocol, None, ()) is None
    assert identify(protocol, "", ()) is None


@pytest.mark.parametrize(
    ("host", "product"),
    [
        ("AM0PR03CA0012.EURPRD03.PROD.OUTLOOK.COM", "Microsoft 365"),
        ("EX01.CORP.EXAMPLE.ORG", "Microsoft Exchange"),
    ],
)
def test_exchange_hides_its_host_in_base64(host: str, product: str) -> None:
    """The encoded host name in the greeting tells Microsoft's cloud from a server of one's own."""
    encoded = base64.b64encode(host.encode("utf-16-le")).decode("ascii")

    assert (
        identify(Protocol.IMAP, f"* OK The Microsoft Exchange IMAP4 service is ready. [{encoded}]", ())
        == product
    )
    assert (
        identify(Protocol.POP3, f"+OK The Microsoft Exchange POP3 service is ready. [{encoded}]", ())
        == product
    )


def test_a_mark_behind_the_limit_is_not_read() -> None:
    """Only the first 512 characters are looked at."""
    assert identify(Protocol.SMTP, f"220 mx {'a ' * 300}Postfix", ()) is None


@given(
    protocol=st.sampled_from(Protocol),
    banner=st.one_of(st.none(), st.text(max_size=600), st.lists(HOSTILE_PARTS, max_size=60).map("".join)),
    capabilities=st.lists(st.text(max_size=40), max_size=5),
)
@example(
    protocol=Protocol.IMAP, banner="* OK The Microsoft Exchange IMAP4 [AAAAAAAAAAAAAAAAA]", capabilities=[]
)
@example(protocol=Protocol.SMTP, banner="220 . .", capabilities=["", " ", "IMPLEMENTATION"])
def test_hostile_greetings_raise_nothing(
    protocol: Protocol, banner: str | None, capabilities: list[str]
) -> None:
    """Whatever a server says, the answer is a short name or None."""
    product = identify(protocol, banner, capabilities)

    assert product is None or 0 < len(product) <= 90


@given(
    st.sampled_from(["Postfix", "Exim", "Sendmail", "Haraka", "Dovecot", "MDaemon", "IceWarp", "OpenSMTPD"])
)
def test_a_product_in_a_host_name_is_no_product(word: str) -> None:
    """Host names are chosen freely and prove nothing, wherever they stand."""
    for host in (word, f"{word}.example.com", f"mx.{word}.example.com", f"{word}-1.example.com", f"[{word}]"):
        assert identify(Protocol.SMTP, f"220 {host} ESMTP", ()) is None
    for host in (f"{word}.example.com", f"mx1.{word}.org", f"<17.42@{word}.example.com>"):
        assert identify(Protocol.SMTP, f"220 mx.example.org ESMTP ready at {host}", ()) is None
        assert identify(Protocol.IMAP, f"* OK {host} ready", ()) is None
