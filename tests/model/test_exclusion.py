"""The exclude list: odd spellings, who is covered by which entry, and lists of any length."""

import ipaddress
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.exclusion import NOTHING_EXCLUDED, build_exclusion, read_exclusion, read_exclusion_lines
from scanner.model.target import TargetError
from scanner.model.target_lines import TargetFileError


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.Org.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example"),
        ("example。org", "example.org"),
        ("org", "org"),
        ("_mta.example.org", "_mta.example.org"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("192.0.2.7/32", "192.0.2.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_an_entry_has_one_spelling(text: str, entry: str) -> None:
    assert read_exclusion(text) == entry
    assert read_exclusion(entry) == entry


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("*.example.org", 'write "example.org", which means all names below it too'),
        (".example.org", 'write "example.org", which means all names below it too'),
        ("mx.example.org:25", 'a host is excluded with all its ports; write "mx.example.org"'),
        ("smtp://mx.example.org", 'a host is excluded with all its ports; write "mx.example.org"'),
        ("[2001:db8::1]:25", 'write "2001:db8::1"'),
        ("https://example.org/", "unknown scheme"),
        ("postmaster@example.org", "no user or mailbox"),
        ("192.0.2.0/33", "no network; write it as 192.0.2.0/24"),
        ("192.0.2/24", "no network"),
        ("example.org/24", "no network"),
        ("fe80::1%eth0/64", "no network"),
        ("fe80::1%eth0", "leave out the %"),
        ("256.1.1.1", "no IPv4 address"),
        ("", "there is no host"),
        (".", "empty part"),
        ("*", "letters, digits, hyphen and underscore only"),
        ("two words", "there is a space"),
        ("a..b", "empty part"),
        ("\x1b[2J", "control character"),
    ],
)
def test_what_is_none_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(TargetError) as caught:
        read_exclusion(text)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


LIST = build_exclusion(
    ("example.org", "mx.shared.example", "192.0.2.0/24", "203.0.113.9", "2001:db8:1::/48", "2001:db8:2::2")
)


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("example.org", "example.org is on the exclude list"),
        ("a.b.example.org", "a.b.example.org is on the exclude list (example.org)"),
        ("_25._tcp.mx.example.org", "_25._tcp.mx.example.org is on the exclude list (example.org)"),
        ("mx.shared.example", "mx.shared.example is on the exclude list"),
        ("192.0.2.7", "192.0.2.7 is on the exclude list (192.0.2.0/24)"),
        ("203.0.113.9", "203.0.113.9 is on the exclude list"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.9 is on the exclude list (203.0.113.9/32)"),
        ("2001:db8:1:ff::", "2001:db8:1:ff:: is on the exclude list (2001:db8:1::/48)"),
        ("2001:db8:2::2", "2001:db8:2::2 is on the exclude list"),
        ("notexample.org", None),
        ("example.org.evil.test", None),
        ("org", None),
        ("shared.example", None),
        ("192.0.3.0", None),
        ("2001:db8:2::3", None),
        ("", None),
    ],
)
def test_a_host_is_excluded_with_all_below_it(host: str, why: str | None) -> None:
    assert LIST.refuse_host(host) == why


@pytest.mark.parametrize("address", ["::ffff:192.0.2.7", "64:ff9b::c000:207", "2002:c000:207::1"])
def test_an_ipv4_address_inside_an_ipv6_one_is_excluded_with_it(address: str) -> None:
    assert LIST.refuse_address(address) == f"{address} is on the exclude list (192.0.2.0/24)"
    assert NOTHING_EXCLUDED.refuse("mx.test", address) is None


def test_a_host_or_its_address_is_enough() -> None:
    assert LIST.refuse("mx.example.org", "198.51.100.1") is not None
    assert LIST.refuse("mx.test", "192.0.2.1") is not None
    assert LIST.refuse("mx.test", "198.51.100.1") is None


@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses())
def test_networks_hold_what_they_hold(
    start: ipaddress.IPv4Address | ipaddress.IPv6Address,
    length: int,
    other: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    network = ipaddress.ip_network((start, min(length, start.max_prefixlen)), strict=False)
    excluded = build_exclusion((read_exclusion(str(network)),))
    assert excluded.refuse_address(str(start)) is not None
    if other.version == 4:
        assert (excluded.refuse_address(str(other)) is not None) == (
            other in network
            or (network.version == 6 and network.prefixlen >= 96 and _mapped(other) in network)
        )


def _mapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv6Address:
    return ipaddress.IPv6Address((0xFFFF << 32) + int(address))


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        entry = read_exclusion(text)
    except TargetError:
        return
    assert read_exclusion(entry) == entry
    assert build_exclusion((entry,)).refuse_host(entry.partition("/")[0]) is not None


def test_a_file_has_comments_doubles_and_every_bad_line_is_told() -> None:
    lines = ["\ufeff# opted out", "", "example.org  # by letter", "EXAMPLE.org.", "192.0.2.0/24"]
    assert read_exclusion_lines(lines) == ["example.org", "192.0.2.0/24"]
    with pytest.raises(TargetFileError) as caught:
        read_exclusion_lines(["a b", "example.org", "*.x.test"])
    assert [number for number, _ in caught.value.found] == [1, 3]


def test_a_list_of_any_length_is_asked_at_the_same_cost() -> None:
    count = 200_000
    lines = [f"host{number}.example" for number in range(count)]
    lines += [f"2001:db8:{number:x}::/48" for number in range(2_000)]
    excluded = build_exclusion(tuple(read_exclusion_lines(lines)))
    assert excluded.refuse_host(f"mx.host{count - 1}.example") is not None
    begun = time.process_time()
    for number in range(1_000):
        assert excluded.refuse(f"mx.{number}.test", f"198.51.100.{number % 250}") is None
    # A walk through the list would take 200,000 steps a question: some ten seconds.
    assert time.process_time() - begun < 1.0
