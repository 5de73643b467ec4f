"""The name given in EHLO where the operator set none: a full name or an address literal, never localhost."""

import ipaddress
import socket

import pytest

from scanner.network import own_name

NAMES = [
    # gethostname, getfqdn, what is given
    ("probe.example.org", "other.example.org", "probe.example.org"),
    ("Probe.Example.ORG.", "other.example.org", "probe.example.org"),
    ("probe", "probe.example.org", "probe.example.org"),
    ("probe", "a-1.b-2.example.xn--p1ai", "a-1.b-2.example.xn--p1ai"),
]
NO_NAMES = [
    "localhost",
    "localhost.localdomain",
    "probe",
    "",
    "1.2.3.4",
    "probe_1.example.org",
    "a b.org",
    "-a.org",
]


def name_the_machine(monkeypatch: pytest.MonkeyPatch, host: str, full: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    monkeypatch.setattr(socket, "getfqdn", lambda: full)


@pytest.mark.parametrize(("host", "full", "given"), NAMES)
def test_a_full_name_is_given(monkeypatch: pytest.MonkeyPatch, host: str, full: str, given: str) -> None:
    name_the_machine(monkeypatch, host, full)
    assert own_name() == given


@pytest.mark.parametrize("name", NO_NAMES)
def test_without_one_it_is_an_address_literal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    name_the_machine(monkeypatch, name, name)
    given = own_name()
    assert given.startswith("[")
    assert given.endswith("]")
    assert ipaddress.ip_address(given[1:-1]).version == 4


def test_a_machine_without_a_network_has_the_loopback_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    name_the_machine(monkeypatch, "probe", "probe")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert own_name() == "[127.0.0.1]"


def test_no_name_server_is_asked_where_the_name_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> str:
        raise AssertionError("getfqdn may wait for name servers")

    monkeypatch.setattr(socket, "gethostname", lambda: "probe.example.org")
    monkeypatch.setattr(socket, "getfqdn", never)
    assert own_name() == "probe.example.org"
