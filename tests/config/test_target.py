"""Reading one target: every form, every mistake, and nothing but `TargetError` for hostile text."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.model import PORTS, Protocol, TlsMode
from scanner.model.target import Target, TargetError, normalise_host, parse_target

FORMS = [
    ("example.org", "example.org", None, None, None),
    ("EXAMPLE.Org.", "example.org", None, None, None),
    ("localhost", "localhost", None, None, None),
    ("mx.example.org:25", "mx.example.org", 25, "smtp", "starttls"),
    ("mx.example.org:465", "mx.example.org", 465, "smtp", "implicit"),
    ("mx.example.org:587", "mx.example.org", 587, "smtp", "starttls"),
    ("mx.example.org:143", "mx.example.org", 143, "imap", "starttls"),
    ("mx.example.org:993", "mx.example.org", 993, "imap", "implicit"),
    ("mx.example.org:110", "mx.example.org", 110, "pop3", "starttls"),
    ("mx.example.org:995", "mx.example.org", 995, "pop3", "implicit"),
    ("smtp://h", "h", 25, "smtp", "starttls"),
    ("smtps://h", "h", 465, "smtp", "implicit"),
    ("imap://h", "h", 143, "imap", "starttls"),
    ("imaps://h", "h", 993, "imap", "implicit"),
    ("pop3://h", "h", 110, "pop3", "starttls"),
    ("pop3s://h", "h", 995, "pop3", "implicit"),
    ("smtp://h:2525", "h", 2525, "smtp", "starttls"),
    ("SMTPS://H:65535", "h", 65535, "smtp", "implicit"),
    ("smtp://h:993", "h", 993, "smtp", "starttls"),
    ("192.0.2.7", "192.0.2.7", None, None, None),
    ("192.0.2.7:25", "192.0.2.7", 25, "smtp", "starttls"),
    ("[2001:DB8:0::7]", "2001:db8::7", None, None, None),
    ("[2001:db8::7]:993", "2001:db8::7", 993, "imap", "implicit"),
    ("pop3://[::1]:1110", "::1", 1110, "pop3", "starttls"),
    ("_25._tcp.example.org", "_25._tcp.example.org", None, None, None),
    ("a--b---c.example", "a--b---c.example", None, None, None),
    ("bücher.example:25", "xn--bcher-kva.example", 25, "smtp", "starttls"),
    ("faß.example", "xn--fa-hia.example", None, None, None),
    ("XN--BCHER-KVA.example", "xn--bcher-kva.example", None, None, None),
    ("例え。テスト", "xn--r8jz45g.xn--zckzah", None, None, None),
    ("\uff11\uff19\uff12.0.2.7:25", "192.0.2.7", 25, "smtp", "starttls"),
]


@pytest.mark.parametrize(("text", "host", "port", "protocol", "tls_mode"), FORMS)
def test_every_form_is_read(
    text: str, host: str, port: int | None, protocol: str | None, tls_mode: str | None
) -> None:
    target = parse_target(text)
    assert (target.text, target.host, target.port) == (text, host, port)
    assert (target.protocol, target.tls_mode) == (protocol, tls_mode)
    assert target.protocol is None or isinstance(target.protocol, Protocol)
    assert target.tls_mode is None or isinstance(target.tls_mode, TlsMode)


@pytest.mark.parametrize(
    ("text", "written", "shown"),
    [
        ("Example.org.", "example.org", "example.org"),
        ("smtps://H", "h:465", "h:465"),
        ("smtp://h:465", "smtp://h:465", "smtp://h:465"),
        ("imap://[2001:db8::7]", "[2001:db8::7]:143", "[2001:db8::7]:143"),
        ("[::1]", "[::1]", "[::1]"),
        ("imaps://Bücher.example:9930", "imaps://xn--bcher-kva.example:9930", "imaps://bücher.example:9930"),
    ],
)
def test_a_target_is_written_in_one_way(text: str, written: str, shown: str) -> None:
    target = parse_target(text)
    assert str(target) == written
    assert target.display == shown


def test_two_spellings_are_one_target() -> None:
    assert {parse_target("mx.example.org:25"), parse_target("smtp://MX.example.org.")} == {
        parse_target("smtp://mx.example.org:25")
    }
    assert parse_target("h:25") != parse_target("h:587")


@pytest.mark.parametrize(("text", "is_address"), [("192.0.2.1", True), ("[::1]:25", True), ("a.b", False)])
def test_addresses_are_told_from_names(text: str, *, is_address: bool) -> None:
    assert parse_target(text).is_address is is_address


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no host; write a name such as example.org"),
        (":25", "there is no host"),
        ("imap://", "there is no host"),
        ("imap://:143", "there is no host"),
        (" example.org", "there is a space in it"),
        ("example.org\u3000", "there is a space in it"),
        ("example\x00.org", "there is a control character in it"),
        ("example.org\n", "there is a control character in it"),
        ("\ud800.org", "there is a control character in it"),
        ("user@example.org", 'write only what follows the @: "example.org"'),
        ("smtp://h/", "a target has no path; remove all from the / on"),
        ("h?x", "remove all from the [?] on"),
        ("h#x", "remove all from the # on"),
        ("h\\x", r"remove all from the \\ on"),
        ("http://h", '"http": unknown scheme; use one of smtp://, smtps://, imap://'),
        ("://h", '"": unknown scheme'),
        (
            "h:26",
            "none of the mail ports 25, 110, 143, 465, 587, 993, 995; say its protocol, .* smtp://h:26 ",
        ),
        ("h:", 'the port must be a number from 1 to 65535, not ""'),
        ("h:0", 'the port must be a number from 1 to 65535, not "0"'),
        ("smtp://h:65536", "the port must be a number from 1 to 65535"),
        ("h:+25", "the port must be a number from 1 to 65535"),
        ("h:\uff12\uff15", "the port must be a number from 1 to 65535"),
        ("h:25:25", "the port must be a number from 1 to 65535"),
        ("::1", r"an IPv6 address goes in brackets: \[::1\] or \[::1\]:25"),
        ("smtp://2001:db8::1", r"an IPv6 address goes in brackets: \[2001:db8::1\]"),
        ("[::1", "write an IPv6 address as"),
        ("[::1]25", "write an IPv6 address as"),
        ("[::1%eth0]", "write an IPv6 address as"),
        ("[192.0.2.1]", "write an IPv6 address as"),
        ("[example.org]:25", "write an IPv6 address as"),
        ("a..b", "an empty part in the name; remove the extra dot"),
        (".", "an empty part in the name"),
        ("example.org..", "an empty part in the name"),
        ("-a.example", "no hyphen at either end"),
        ("a-.example", "no hyphen at either end"),
        ("*.example.org", r'the part "\*" may hold letters, digits, hyphen and underscore only'),
        ("a" * 64 + ".example", "is longer than 63 characters"),
        (".".join(["a" * 49] * 6), "the name is longer than 253 characters"),
        ("a" * 513, "longer than 512 characters"),
        ("127.1", "ends in a number, but is no IPv4 address"),
        ("0x7f.0.0.1", "ends in a number, but is no IPv4 address"),
        ("0x7f000001", "ends in a number, but is no IPv4 address"),
        ("2130706433", "ends in a number, but is no IPv4 address"),
        ("010.0.0.1", "ends in a number, but is no IPv4 address"),
        ("example.123", "ends in a number, but is no IPv4 address"),
        ("\u2603.example", "no host name: .*; check the spelling"),
        ("xn--a.example", "no host name: .*; check the spelling"),
        ("xn--.example", "no host name: .*; check the spelling"),
        ("\u200d.example", "no host name: .*; check the spelling"),
    ],
)
def test_a_bad_target_says_what_to_mend(text: str, problem: str) -> None:
    with pytest.raises(TargetError, match=problem):
        parse_target(text)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(TargetError) as caught:
        parse_target("smtp://user:s3cret@example.org:25")
    assert "s3cret" not in str(caught.value)


def test_long_text_is_cut_in_the_message() -> None:
    with pytest.raises(TargetError) as caught:
        parse_target("é" * 100_000)
    assert len(str(caught.value)) < 200


SCHEMES = ["", "smtp://", "smtps://", "imap://", "imaps://", "pop3://", "pop3s://", "x://", "://"]
LABELS = st.one_of(
    st.from_regex(r"[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,20}[a-zA-Z0-9_])?", fullmatch=True),
    st.text(min_size=1, max_size=8),
    st.from_regex(r"xn--[a-z0-9-]{0,12}", fullmatch=True),
)
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=5).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.ip_addresses(v=6).map(str),
    st.text(max_size=40),
)
ENDS = st.one_of(
    st.just(""),
    st.sampled_from(sorted(PORTS)).map(lambda port: f":{port}"),
    st.integers(-1, 70_000).map(lambda port: f":{port}"),
    st.text(max_size=6),
)
TEXTS = st.one_of(
    st.builds("".join, st.tuples(st.sampled_from(SCHEMES), HOSTS, ENDS)),
    st.text(max_size=600),
    st.text(alphabet="[]:./-x0189n@ \u3002\u00ad\u200d", max_size=30),
)


@given(TEXTS)
@example("[::ffff:192.0.2.1]:25")
@example("xn--0.xn--0")
@example("a\u00ad.example")
@example("\u00ad")
def test_any_text_is_a_target_or_an_error_of_ours(text: str) -> None:
    try:
        target = parse_target(text)
    except TargetError as error:
        message = str(error)
    else:
        check_normal_form(target)
        return
    assert message.isprintable()


def check_normal_form(target: Target) -> None:
    again = parse_target(str(target))
    assert again == target
    assert str(again) == str(target)
    assert parse_target(target.display) == target
    assert target.host.isascii()
    assert target.host == target.host.lower()
    assert 0 < len(target.host) <= 253
    assert not target.host.endswith(".")
    assert (target.port is None) == (target.protocol is None) == (target.tls_mode is None)
    assert target.port is None or 1 <= target.port <= 65535


@given(st.text(max_size=80))
def test_a_normal_host_stays_as_it_is(text: str) -> None:
    try:
        host = normalise_host(text)
    except TargetError:
        return
    assert normalise_host(host) == host


LABELS = st.text(st.sampled_from("abz019-_x"), min_size=1, max_size=8) | st.sampled_from(
    ["xn--a", "0x1f", "12", "xn--bcher-kva", "a" * 63, "a" * 64]
)


@given(st.lists(LABELS, min_size=1, max_size=4).map(".".join))
def test_a_name_that_is_read_quickly_is_read_as_any_other(text: str) -> None:
    try:
        slowly = normalise_host(text)
    except TargetError as error:
        with pytest.raises(TargetError, match=re.escape(str(error))):
            parse_target(text)
    else:
        assert parse_target(text).host == slowly
