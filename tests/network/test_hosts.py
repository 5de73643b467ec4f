"""The hosts file is read as the system reads it, and comes before the DNS."""

from pathlib import Path

import pytest

from scanner.network import Resolver, hosts, resolver


def test_names_addresses_and_comments_are_read(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(
        b"127.0.0.1\tlocalhost\n::1 localhost ip6-localhost # loopback\n# 192.0.2.9 hidden\n"
        b"192.0.2.7 Mail.Example.org. mail\nno-address name\n\n\xff\xfe broken\n"
    )

    assert hosts.read_hosts(path) == {
        "localhost": ("127.0.0.1", "::1"),
        "ip6-localhost": ("::1",),
        "mail.example.org": ("192.0.2.7",),
        "mail": ("192.0.2.7",),
    }


def test_a_file_that_cannot_be_read_holds_no_names(tmp_path: Path) -> None:
    assert hosts.read_hosts(tmp_path / "missing") == {}
    assert hosts.read_hosts(tmp_path) == {}


async def test_the_hosts_file_comes_first_unless_own_name_servers_are_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolver, "read_hosts", lambda: {"mail.test": ("192.0.2.7", "2001:db8::7")})

    assert await Resolver().addresses("mail.test") == ("192.0.2.7", "2001:db8::7")
    assert await Resolver(families=(6,)).addresses("mail.test") == ("2001:db8::7",)
    with pytest.raises(resolver.ResolveFailure):
        await Resolver([("127.0.0.1", 9)], timeout=0.2).addresses("mail.test")
