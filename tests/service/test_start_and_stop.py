"""`mailport serve` from its first probe to its last: ready, spread, quiet, and quick to end."""

import http.client
import itertools
import socket
import time
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import Any

import pytest

from tests.cli.command import run, started
from tests.cli.running_farm import RunningFarm, open_rows
from tests.servers.prometheus import promtool_check_metrics
from tests.service.serving import serving, write_config

QUICK_SECONDS = 2.0


def document(farm: RunningFarm, *names: str, **sections: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"targets": farm.targets(*names), **farm.settings}
    return {**settings, **{key: {**settings.get(key, {}), **value} for key, value in sections.items()}}


def test_it_is_healthy_at_once_and_ready_after_the_first_pass(farm: RunningFarm, tmp_path: Path) -> None:
    slow = document(farm, "healthy", "mute", probe={"greeting_timeout": 1})
    with serving(tmp_path, slow) as service:
        assert service.ask("/-/healthy") == (200, "mailport is healthy.\n")
        service.wait_for_event("planned")
        status, text = service.ask("/-/ready")
        assert status == 503
        assert "of 8 endpoints probed" in text
        service.wait_ready()
        assert service.value("mailport_endpoints") == 8
        assert len(service.places()) == 8


def test_a_watch_of_names_that_do_not_exist_is_ready_too(farm: RunningFarm, tmp_path: Path) -> None:
    with serving(tmp_path, {**farm.settings, "targets": ["no-such-name.mail.test"]}) as service:
        service.wait_ready()
        assert "no-such-name.mail.test" in service.ask("/")[1]
        assert service.value("mailport_endpoints") == 0


def test_everything_it_serves_is_in_good_order(farm: RunningFarm, tmp_path: Path) -> None:
    names = ("healthy", "banner-odd", "cert-expired", "refused", "greeting-554", "auth-in-clear")
    with serving(tmp_path, document(farm, *names)) as service:
        service.wait_ready()
        status, metrics = service.ask("/metrics")
        assert status == 200
        report = promtool_check_metrics(metrics)
        assert report.is_clean, report.output
        status, page = service.ask("/")
        assert status == 200
        for word in (*names, "expired", "127."):
            assert word in page
        assert str(farm.farm.ca_file) in service.ask("/config")[1]
        assert service.ask("/docs")[0] == 200
        assert service.ask("/no-such-page")[0] == 404
        assert service.ask("/-/reload")[0] == 405


@pytest.mark.parametrize("number", [SIGTERM, SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_soon_though_a_probe_is_under_way(number: Signals, tmp_path: Path) -> None:
    with open_rows("mute", "tls-mute") as farm, serving(tmp_path, document(farm)) as service:
        service.running.wait_until(lambda: len(farm.connects()) == 2)
        idle = http.client.HTTPConnection(service.address)
        idle.request("GET", "/-/healthy")
        assert idle.getresponse().read() == b"mailport is healthy.\n"
        status, seconds = service.running.end(number)
        idle.close()
        assert status == 0
        assert seconds < QUICK_SECONDS
        assert [line["event"] for line in service.log][-1] == "stopping"
        assert len(farm.connects()) == 2


def test_a_probe_under_way_may_say_goodbye(tmp_path: Path) -> None:
    with open_rows("greeting-slow", greeting_delay=0.6) as farm, serving(tmp_path, document(farm)) as service:
        service.running.wait_until(lambda: len(farm.connects()) == 1)
        assert service.running.end(SIGTERM)[0] == 0
        assert [entry.event for entry in farm.events("line")][-1] == "line QUIT"


def test_a_signal_ends_it_while_names_are_looked_up(farm: RunningFarm, tmp_path: Path) -> None:
    with serving(tmp_path, {**farm.settings, "targets": ["silent.mail.test"]}) as service:
        assert service.ask("/-/ready")[0] == 503
        status, seconds = service.running.end(SIGTERM)
    assert (status, seconds < QUICK_SECONDS) == (0, True)


def test_a_busy_port_is_told_and_nothing_is_probed(tmp_path: Path) -> None:
    with open_rows("tls13-only") as farm, socket.create_server(("127.0.0.1", 0)) as taken:
        path = write_config(tmp_path, document(farm))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        outcome = run("serve", "--config", path, "--listen", where)
        assert farm.connects() == []
    assert outcome.status == 2
    assert outcome.problem.startswith(f"cannot listen on {where}: the port is in use by another program.")


def test_every_line_of_a_json_log_is_json(farm: RunningFarm, tmp_path: Path) -> None:
    with serving(tmp_path, document(farm, "tls13-only")) as service:
        service.wait_ready()
        host, port = service.address.split(":")
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            assert b"400" in connection.recv(1000)
        service.write_config("targets: [\n")
        assert service.ask("/-/reload", method="POST")[0] == 500
        assert service.running.end(SIGTERM)[0] == 0
        lines = service.log
    assert len(lines) == len(service.running.stderr.splitlines())
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    events = [line["event"] for line in lines]
    assert events[0] == "serving"
    assert [event for event in events if "Invalid HTTP request" in event]
    assert {"planned", "reload_failed", "stopping"} <= set(events)


def test_a_text_log_is_for_people(farm: RunningFarm, tmp_path: Path) -> None:
    path = write_config(tmp_path, {**document(farm, "tls13-only"), "web": {"listen": "127.0.0.1:0"}})
    with started(tmp_path, "serve", "--config", path) as running:
        running.wait_until(lambda: "planned" in running.stderr)
        assert running.end(SIGTERM)[0] == 0
        assert "listen=127.0.0.1:" in running.stderr
        assert "\x1b" not in running.stderr
        assert running.read_all() == ""


def test_the_first_probes_are_spread_and_no_burst(tmp_path: Path) -> None:
    names = ("healthy", "banner-odd", "auth-in-clear", "starttls-injected", "cert-self")
    limits = {"rate": 9, "per_address": 10}
    with open_rows(*names) as farm, serving(tmp_path, document(farm, limits=limits)) as service:
        begun = time.monotonic()
        service.wait_ready()
        starts = sorted(entry.at for entry in farm.events("connect"))
    assert len(starts) == 17
    # At the rate allowed, 17 connections would take less than 2 s; the spread takes twice that.
    assert 3.0 < starts[-1] - starts[0] < 5.0
    assert starts[0] - begun < 2.0
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert sum(gap > 0.1 for gap in gaps) >= 12, gaps


def test_scrapes_do_not_hold_up_the_probes(farm: RunningFarm, tmp_path: Path) -> None:
    quick = document(farm, "healthy", schedule={"interval": 1, "jitter": 0})
    with serving(tmp_path, quick) as service:
        service.wait_ready()
        before = service.value("mailport_probes_total", protocol="smtp", state="open")
        deadline = time.monotonic() + 2
        scrapes = 0
        while time.monotonic() < deadline:
            assert service.ask("/metrics")[0] == 200
            scrapes += 1
        after = service.value("mailport_probes_total", protocol="smtp", state="open")
    assert scrapes > 30
    assert after - before >= 3
