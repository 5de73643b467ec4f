"""Which addresses may be probed: the guard that keeps the scanner out of private networks."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.target import refuse_address


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "223.255.255.255",
        "2606:4700::1",
        "2a00:1450:4001:80b::1b",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert refuse_address(address) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0", "an unspecified address"),
        ("0.1.2.3", "an unspecified address"),
        ("10.0.0.1", "a private address"),
        ("172.16.0.1", "a private address"),
        ("172.31.255.255", "a private address"),
        ("192.168.1.1", "a private address"),
        ("100.64.0.1", "a carrier-grade NAT address"),
        ("100.127.255.255", "a carrier-grade NAT address"),
        ("127.0.0.1", "a loopback address"),
        ("127.255.255.254", "a loopback address"),
        ("169.254.169.254", "a link-local address"),
        ("192.0.0.170", "a reserved address"),
        ("192.0.2.1", "a documentation address"),
        ("198.18.0.1", "a benchmarking address"),
        ("198.51.100.1", "a documentation address"),
        ("203.0.113.1", "a documentation address"),
        ("224.0.0.1", "a multicast address"),
        ("240.0.0.1", "a reserved address"),
        ("255.255.255.255", "a reserved address"),
        ("::", "an unspecified address"),
        ("::1", "a loopback address"),
        ("::127.0.0.1", "not a global unicast address"),
        ("fe80::1", "a link-local address"),
        ("fe80::1%eth0", "not an IP address"),
        ("fec0::1", "a private address"),
        ("fc00::1", "a private address"),
        ("fd12:3456::1", "a private address"),
        ("ff02::1", "a multicast address"),
        ("ff0e::1", "a multicast address"),
        ("2001:db8::1", "a documentation address"),
        ("3fff::1", "a documentation address"),
        ("2001::1", "a reserved address"),
        ("100::1", "not a global unicast address"),
        ("4000::1", "not a global unicast address"),
        ("::ffff:127.0.0.1", "a loopback address"),
        ("::ffff:10.1.2.3", "a private address"),
        ("64:ff9b::10.1.2.3", "a private address"),
        ("64:ff9b::a9fe:a9fe", "a link-local address"),
        ("64:ff9b:1::8.8.8.8", "a private address"),
        ("2002:7f00:1::1", "a loopback address"),
        ("2002:c0a8:101::1", "a private address"),
        ("127.1", "not an IP address"),
        ("", "not an IP address"),
        ("example.org", "not an IP address"),
    ],
)
def test_all_others_are_refused_with_the_reason(address: str, why: str) -> None:
    assert refuse_address(address) == why


@given(st.ip_addresses())
def test_nothing_is_allowed_that_the_standard_library_calls_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    is_special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
    )
    # Judged by the IPv4 address inside, which releases of the standard library see differently.
    carries_ipv4 = isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped is not None
        or address.sixtofour is not None
        or address in ipaddress.IPv6Network("64:ff9b::/96")
    )
    assert not is_special or refuse_address(str(address)) is not None or carries_ipv4


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    why = refuse_address(str(address))
    number = int(address)
    for carrier in (
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x0064FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),
    ):
        assert refuse_address(str(carrier)) == why


@given(st.text(max_size=40))
def test_any_text_has_an_answer(text: str) -> None:
    why = refuse_address(text)
    assert why != ""
    assert why is not None or ipaddress.ip_address(text).is_multicast is False
