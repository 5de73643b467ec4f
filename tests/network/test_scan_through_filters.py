"""`mailport scan` as a whole, run on a host behind packet filters: records and exit status."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.network.conftest import LISTENING
from tests.servers.netns import Network
from tests.servers.packet_filter import Filter, Hook

BOTH = pytest.mark.parametrize("family", [4, 6])


def scan(network: Network, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Scan from the client's host; return exit status, records and what was said on standard error."""
    command = [sys.executable, "-m", "scanner", "scan", "--format", "ndjson", "--timeout", "0.5", *words]
    done: subprocess.CompletedProcess[str] = network.run(command, seconds=30)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def target(network: Network, port: int, family: int) -> str:
    return f"smtp://{network.server_ipv4}:{port}" if family == 4 else f"smtp://[{network.server_ipv6}]:{port}"


def outcomes(records: list[dict[str, Any]]) -> dict[int, tuple[str, str | None]]:
    return {record["port"]: (record["state"], record["reason"]) for record in records}


@BOTH
def test_each_port_has_its_own_fate(hosts: Network, family: int) -> None:
    hosts.router.filter_port(2587, Filter.ADMIN_PROHIBITED, Hook.FORWARD)
    hosts.router.filter_port(2588, Filter.DROP, Hook.FORWARD)
    hosts.router.filter_port(2589, Filter.HOST_UNREACHABLE, Hook.FORWARD)
    ports = (2525, 2587, 2588, 2589, 2590)
    status, records, _ = scan(hosts, "--allow-private", *(target(hosts, port, family) for port in ports))
    assert outcomes(records) == {
        2525: ("open", None),
        2587: ("blocked", "admin_prohibited"),
        2588: ("blocked", "connect_timeout"),
        2589: ("unreachable", "host_unreachable"),
        2590: ("closed", "connection_refused"),
    }
    assert status == 0


@BOTH
def test_egress_blocked_on_every_port_is_status_3(hosts: Network, family: int) -> None:
    for port, kind in zip(LISTENING, (Filter.ADMIN_PROHIBITED, Filter.PORT_UNREACHABLE), strict=True):
        hosts.client.filter_port(port, kind, Hook.OUTPUT)
    status, records, said = scan(
        hosts, "--allow-private", *(target(hosts, port, family) for port in LISTENING)
    )
    assert set(outcomes(records).values()) == {("unknown", "egress_blocked")}
    assert status == 3
    assert "our own network" in said


def test_egress_blocked_on_one_port_is_status_0(hosts: Network) -> None:
    hosts.client.filter_port(LISTENING[0], Filter.ADMIN_PROHIBITED, Hook.OUTPUT)
    status, records, _ = scan(hosts, "--allow-private", *(target(hosts, port, 4) for port in LISTENING))
    assert outcomes(records) == {LISTENING[0]: ("unknown", "egress_blocked"), LISTENING[1]: ("open", None)}
    assert status == 0


@BOTH
def test_a_family_without_a_route_is_unknown_and_our_own_fault_alone(hosts: Network, family: int) -> None:
    gateway = hosts.router_ipv4 if family == 4 else hosts.router_ipv6
    lacking, other = target(hosts, LISTENING[0], family), target(hosts, LISTENING[0], 10 - family)
    hosts.client.ip(f"-{family}", "route", "delete", "default")
    try:
        alone, records, said = scan(hosts, "--allow-private", lacking)
        both, more, _ = scan(hosts, "--allow-private", lacking, other)
    finally:
        hosts.client.ip(f"-{family}", "route", "add", "default", "via", gateway)
    assert outcomes(records) == {LISTENING[0]: ("unknown", "skipped")}
    assert f"use --ipv{10 - family} (probe.families: [ipv{10 - family}])" in records[0]["detail"]
    assert alone == 3
    assert "our own network" in said
    assert {(record["state"], record["reason"]) for record in more} == {
        ("unknown", "skipped"),
        ("open", None),
    }
    assert both == 0


@BOTH
def test_a_router_without_a_route_is_no_fault_of_ours(hosts: Network, family: int) -> None:
    far = "smtp://198.51.100.1:2525" if family == 4 else "smtp://[2001:db8::1]:2525"
    status, records, _ = scan(hosts, "--allow-private", far)
    assert outcomes(records) == {2525: ("unreachable", "network_unreachable")}
    assert status == 0


def test_private_addresses_are_refused_unless_asked_for(hosts: Network) -> None:
    status, records, _ = scan(hosts, target(hosts, LISTENING[0], 4), target(hosts, LISTENING[0], 6))
    assert [(record["port"], record["reason"]) for record in records] == [(None, "address_not_allowed")] * 2
    assert status == 0


def test_name_servers_out_of_reach_are_our_own_fault(hosts: Network, tmp_path: Path) -> None:
    config = tmp_path / "patience.yml"
    config.write_text("resolver: {timeout: 0.5}\n", "utf-8")
    resolver = f"{hosts.server_ipv4}:5353"  # nothing listens there
    status, records, said = scan(hosts, "mail.example", "--config", str(config), "--resolver", resolver)
    assert [record["reason"] for record in records] == ["dns_failure"]
    assert records[0]["detail"].startswith("no answer from the name servers for mail.example")
    assert status == 3, said
