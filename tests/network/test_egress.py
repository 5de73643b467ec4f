"""`mailport scan` behind filters of our own network: control servers tell whose fault a silent port is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.model import Reason
from tests.servers.netns import Network, build_network
from tests.servers.packet_filter import Filter, Hook

SMTP, SUBMISSION, WEB = 25, 587, 443
NAT = """\
table ip detour {{
  chain prerouting {{
    type nat hook prerouting priority -100; policy accept;
    tcp dport {port} dnat to {proxy}:{port}
  }}
}}
"""
BLOCKED = ("unknown", Reason.EGRESS_BLOCKED.value)
INTERCEPTED = ("unknown", Reason.EGRESS_INTERCEPTED.value)
LISTENER = str(Path(__file__).parents[1] / "servers" / "smtp_listener.py")


@dataclass(frozen=True, slots=True)
class Place:
    """A client behind a router that is our own network's way out, and servers beyond it."""

    network: Network
    folder: Path

    @property
    def target(self) -> str:
        return self.network.server_ipv4

    @property
    def controls(self) -> tuple[str, str]:
        """Two addresses where servers are known to be up."""
        second = self.network.control_ipv4.rpartition(".")
        return self.network.control_ipv4, f"{second[0]}.{int(second[2]) + 1}"

    @property
    def dark(self) -> str:
        """An address that nobody has."""
        last = self.network.control_ipv4.rpartition(".")
        return f"{last[0]}.{int(last[2]) + 9}"

    def scan(
        self, *ports: int, settings: dict[str, Any] | None = None, text: str = "ndjson"
    ) -> subprocess.CompletedProcess[str]:
        """Scan ports of the target with these controls."""
        controls = {
            "ports": {port: list(self.controls) for port in (SMTP, SUBMISSION)},
            "https": [f"{self.controls[0]}:{WEB}"],
            "dark": None,
        }
        document = {
            "targets": [f"{self.target}:{port}" for port in ports],
            "controls": {**controls, **(settings or {})},
            "probe": {"timeout": 0.5, "allow_private": True, "versions_interval": None},
            "limits": {"rate": 0, "per_address_gap": 0},
            "resolver": {"servers": ["127.0.0.1:9"], "timeout": 0.5},
        }
        config = self.folder / "scan.yml"
        config.write_text(yaml.safe_dump(document))
        command = [sys.executable, "-m", "scanner", "scan", "--format", text, "--config", str(config)]
        done = self.network.run(command, seconds=40)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def drop_on_the_way_out(self, *ports: int, kind: Filter = Filter.DROP) -> None:
        for port in ports:
            self.network.router.filter_port(port, kind, Hook.FORWARD)

    def redirect(self, port: int) -> None:
        """Let a proxy of our own network answer the port, whoever is meant."""
        self.network.router.nft(NAT.format(port=port, proxy=self.network.router_ipv4))


def records(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[int, tuple[str, str | None]]:
    return {record["port"]: (record["state"], record["reason"]) for record in records(done)}


def verdict_of(done: subprocess.CompletedProcess[str], port: int) -> dict[str, str]:
    (record,) = (record for record in records(done) if record["port"] == port)
    verdict: dict[str, str] = record["verdicts"][0]
    return verdict


@pytest.fixture(scope="module")
def built() -> Iterator[Network]:
    with build_network() as network:
        last = network.control_ipv4.rpartition(".")
        network.server.ip("address", "add", f"{last[0]}.{int(last[2]) + 1}/28", "dev", "down0")
        network.listen(SMTP, SUBMISSION, WEB)
        proxy = [sys.executable, LISTENER, "--greeting=220 relay.provider.test ESMTP", str(SMTP)]
        network.spawn(network.router, proxy, b"ready")
        yield network


@pytest.fixture
def place(built: Network, tmp_path: Path) -> Iterator[Place]:
    yield Place(built, tmp_path)
    built.clear_filters()
    built.router.nft("table ip detour\ndelete table ip detour\n")


def test_a_port_that_nobody_answers_on_is_our_own_fault_and_status_3(place: Place) -> None:
    place.drop_on_the_way_out(SMTP)
    done = place.scan(SMTP)
    assert outcomes(done) == {SMTP: BLOCKED}
    assert done.returncode == 3
    assert "our own network" in done.stderr
    verdict = verdict_of(done, SMTP)
    assert verdict["id"] == "egress_blocked"
    assert "lets nothing out to port 25" in verdict["summary"]
    assert f"{place.controls[0]}:443 can be reached" in verdict["summary"]
    (record,) = records(done)
    assert "this server: connect timeout" in record["detail"]


def test_another_port_is_judged_all_the_same(place: Place) -> None:
    place.drop_on_the_way_out(SMTP)
    done = place.scan(SMTP, SUBMISSION)
    assert outcomes(done) == {SMTP: BLOCKED, SUBMISSION: ("open", None)}
    assert done.returncode == 0


@pytest.mark.parametrize("kind", [Filter.ADMIN_PROHIBITED, Filter.TCP_RESET])
def test_a_filter_of_ours_that_answers_is_no_fault_of_the_target_either(place: Place, kind: Filter) -> None:
    place.drop_on_the_way_out(SMTP, kind=kind)
    assert outcomes(place.scan(SMTP)) == {SMTP: BLOCKED}


def test_a_filter_of_the_target_is_the_targets(place: Place) -> None:
    place.network.server.filter_port(SMTP, Filter.DROP, Hook.INPUT, place.target)
    done = place.scan(SMTP)
    assert outcomes(done) == {SMTP: ("blocked", "connect_timeout")}
    assert done.returncode == 0
    verdict = verdict_of(done, SMTP)
    assert verdict["id"] == "port_blocked"
    assert "not a filter in our own network" in verdict["advice"]


def test_without_controls_the_advice_says_that_it_cannot_be_told(place: Place) -> None:
    place.drop_on_the_way_out(SMTP)
    nobody: list[dict[str, Any]] = [{"ports": {SMTP: []}}, {"enabled": False}]
    for settings in nobody:
        done = place.scan(SMTP, settings=settings)
        assert outcomes(done) == {SMTP: ("blocked", "connect_timeout")}
        assert "No control server tells whether the filter is theirs" in verdict_of(done, SMTP)["advice"]


def test_controls_without_a_name_in_the_dns_tell_nothing(place: Place) -> None:
    place.drop_on_the_way_out(SMTP)
    done = place.scan(SMTP, settings={"ports": {SMTP: ["nowhere.mail.test", "gone.mail.test"]}})
    assert outcomes(done) == {SMTP: ("blocked", "connect_timeout")}


def test_a_target_that_answers_through_a_blocked_port_is_left_as_it_is(place: Place) -> None:
    for control in place.controls:
        place.network.router.filter_port(SMTP, Filter.DROP, Hook.FORWARD, control)
    done = place.scan(SMTP)
    assert outcomes(done) == {SMTP: ("open", None)}
    assert done.returncode == 0


def test_where_nothing_gets_out_the_network_is_down(place: Place) -> None:
    place.drop_on_the_way_out(SMTP, SUBMISSION, WEB)
    done = place.scan(SMTP, SUBMISSION)
    assert outcomes(done) == {SMTP: BLOCKED, SUBMISSION: BLOCKED}
    assert done.returncode == 3
    assert "Our own network is down" in verdict_of(done, SMTP)["summary"]


@pytest.mark.parametrize("sign", ["greeting", "dark address"])
def test_a_proxy_that_answers_for_all_is_told(place: Place, sign: str) -> None:
    place.redirect(SMTP)
    settings: dict[str, Any] = {"dark": place.dark}
    if sign == "greeting":
        controls = [{"host": host, "banner": "220 inside.*.test ESMTP"} for host in place.controls]
        settings = {"ports": {SMTP: controls}}
    done = place.scan(SMTP, SUBMISSION, settings=settings)
    assert outcomes(done) == {SMTP: INTERCEPTED, SUBMISSION: ("open", None)}
    verdict = verdict_of(done, SMTP)
    assert (verdict["id"], verdict["severity"]) == ("egress_intercepted", "critical")
    evidence = {"greeting": "220 relay.provider.test ESMTP", "dark address": "where nothing is"}
    assert evidence[sign] in verdict["summary"]
    (record,) = (record for record in records(done) if record["port"] == SMTP)
    assert record["banner"] == "220 relay.provider.test ESMTP"
    assert record["level"] == 0


def test_a_table_has_a_line_about_our_own_network(place: Place) -> None:
    place.drop_on_the_way_out(SMTP)
    done = place.scan(SMTP, SUBMISSION, text="table")
    assert "Our own network lets nothing out to port 25. Ask the provider" in done.stdout
