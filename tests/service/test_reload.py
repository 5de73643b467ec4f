"""Reloading `mailport serve`: by HTTP, by SIGHUP, by a changed list; a bad file changes nothing."""

import os
import time
from pathlib import Path
from signal import SIGHUP
from typing import Any

import pytest

from tests.cli.running_farm import RunningFarm, copy_ca
from tests.service.serving import Service, serving

pytestmark = pytest.mark.usefixtures("marathon")

GOOD = "mailport_config_last_reload_successful"
GOOD_AT = "mailport_config_last_reload_success_timestamp_seconds"


def document(farm: RunningFarm, *targets: str) -> dict[str, Any]:
    return {"targets": [*targets], "ports": [25, 587], **farm.settings}


def post(service: Service) -> tuple[int, str]:
    return service.ask("/-/reload", method="POST")


def hang_up(service: Service, event: str) -> None:
    """Send SIGHUP and wait until the log tells that it was obeyed."""
    before = sum(line["event"] == event for line in service.log)
    service.running.send(SIGHUP)
    service.wait_for_event(event, before + 1)


def wait_for_places(service: Service, *wanted: tuple[str, int]) -> None:
    service.running.wait_until(lambda: service.places() == set(wanted))


@pytest.mark.parametrize("by_signal", [False, True], ids=["POST", "SIGHUP"])
def test_series_go_and_come_with_their_targets(by_signal: bool, farm: RunningFarm, tmp_path: Path) -> None:
    one, other = farm.targets("tls12-only")[0], farm.targets("tls13-only")[0]
    with serving(tmp_path, document(farm, one)) as service:
        service.wait_ready()
        assert {host for host, _ in service.places()} == {"tls12-only.mail.test"}
        assert service.value(GOOD) == 1
        loaded_at = service.value(GOOD_AT)
        service.write_config(document(farm, other))
        if by_signal:
            hang_up(service, "reloaded")
        else:
            assert post(service) == (200, "The configuration was loaded.\n")
        service.running.wait_until(lambda: {host for host, _ in service.places()} == {"tls13-only.mail.test"})
        assert "tls12-only" not in service.ask("/metrics")[1]
        assert "tls12-only" not in service.ask("/")[1]
        assert service.value(GOOD) == 1
        assert service.value(GOOD_AT) > loaded_at


def test_how_much_the_scrape_shows_changes_at_once(farm: RunningFarm, tmp_path: Path) -> None:
    target = farm.targets("tls13-only")[0]
    with serving(tmp_path, document(farm, target)) as service:
        service.wait_ready()
        usual = service.ask("/metrics")[1]
        service.write_config({**document(farm, target), "metrics": {"detail": "minimal"}})
        assert post(service)[0] == 200
        least = service.ask("/metrics")[1]
        service.write_config({**document(farm, target), "metrics": {"detail": "some"}})
        assert post(service)[0] == 500
        assert "mailport_endpoint_state" not in service.ask("/metrics")[1]

    for name, is_minimal in (
        ("endpoint_state", False),
        ("probe_phase_seconds", False),
        ("endpoint_level", True),
    ):
        assert f"# HELP mailport_{name} " in usual
        assert (f"# HELP mailport_{name} " in least) is is_minimal
    assert "mailport_probes_total" in least


@pytest.mark.parametrize("by_signal", [False, True], ids=["POST", "SIGHUP"])
def test_a_bad_file_leaves_the_old_configuration_in_force(
    by_signal: bool, farm: RunningFarm, tmp_path: Path
) -> None:
    one, other = farm.targets("tls12-only")[0], farm.targets("tls13-only")[0]
    with serving(tmp_path, document(farm, one)) as service:
        service.wait_ready()
        settings, places = service.ask("/config")[1], service.places()
        loaded_at = service.value(GOOD_AT)
        service.write_config(f"targets: ['{other}']\nlimits: {{rate: fast}}\n")
        if by_signal:
            hang_up(service, "reload_failed")
            (problem,) = service.log[-1]["problems"]
        else:
            status, text = post(service)
            assert status == 500
            first, problem = text.splitlines()
            assert first == "The configuration has problems; the old one stays in force."
        assert problem.endswith('mailport.yml:2: limits.rate: must be a number, 0 or more (got "fast")')
        assert (service.value(GOOD), service.value(GOOD_AT)) == (0, loaded_at)
        assert (service.ask("/config")[1], service.places()) == (settings, places)
        service.write_config(document(farm, other))
        assert post(service)[0] == 200
        assert service.value(GOOD) == 1
        service.running.wait_until(lambda: {host for host, _ in service.places()} == {"tls13-only.mail.test"})


def test_what_no_reload_takes_is_named_until_it_is_as_it_was(farm: RunningFarm, tmp_path: Path) -> None:
    settings = document(farm, farm.targets("tls13-only")[0])
    with serving(tmp_path, settings) as service:
        for changed, named in (
            ({"metrics": {"detail": "minimal"}}, None),
            ({"store": {"url": f"sqlite:///{tmp_path}/other.db"}}, ["store"]),
            ({"cluster": {"takeover": "20s", "lease": "90s"}}, ["cluster.lease", "cluster.takeover"]),
            ({}, None),
        ):
            before = sum(line["event"] == "restart_needed" for line in service.log)
            service.write_config({**settings, **changed})
            assert post(service)[0] == 200
            if named is not None:
                service.wait_for_event("restart_needed", before + 1)
            told = [line["settings"] for line in service.log if line["event"] == "restart_needed"]
            assert told[before:] == ([] if named is None else [named])


def test_an_endpoint_that_another_target_leads_to_stays(farm: RunningFarm, tmp_path: Path) -> None:
    host = "healthy.mail.test"
    with serving(tmp_path, document(farm, host, f"{host}:25")) as service:
        service.wait_ready()
        assert service.places() == {(host, 25), (host, 587)}
        probed_at = service.value("mailport_probe_timestamp_seconds", port="25")
        service.write_config(document(farm, f"{host}:25"))
        assert post(service)[0] == 200
        wait_for_places(service, (host, 25))
        # Kept as it was: not forgotten and probed anew.
        assert service.value("mailport_probe_timestamp_seconds", port="25") == probed_at
        assert service.value("mailport_certificate_verified", port="25") == 1


def test_a_probe_under_way_for_a_removed_target_leaves_no_series(farm: RunningFarm, tmp_path: Path) -> None:
    mute, healthy = farm.targets("mute")[0], farm.targets("tls13-only")[0]
    begun = time.monotonic()
    settings = document(farm, mute, healthy)
    settings["probe"] = {**settings["probe"], "timeout": 2}

    def seen(event: str) -> bool:
        return any(
            entry.host == "mute.mail.test" and entry.at >= begun and entry.event == event
            for entry in farm.events()
        )

    with serving(tmp_path, settings) as service:
        service.running.wait_until(lambda: seen("connect"))
        service.write_config({**settings, "targets": [healthy]})
        assert post(service)[0] == 200
        service.running.wait_until(lambda: service.value("mailport_endpoints") == 1)
        assert not seen("disconnect")
        service.running.wait_until(lambda: seen("disconnect"))
        service.wait_ready()
        service.running.wait_until(lambda: service.value("mailport_pool_busy") == 0)
        assert {host for host, _ in service.places()} == {"tls13-only.mail.test"}
        assert "mute.mail.test" not in service.ask("/metrics")[1]


def test_a_list_of_targets_is_read_again_when_it_changes(farm: RunningFarm, tmp_path: Path) -> None:
    one, other = farm.targets("tls12-only")[0], farm.targets("tls13-only")[0]
    path = tmp_path / "list.txt"
    path.write_text(f"{one}\n")
    with serving(tmp_path, {**document(farm), "targets": {"file": "list.txt"}}) as service:
        service.wait_ready()
        path.write_text(f"{one}\n{other}\nnot a target\n")
        status, text = post(service)
        assert status == 500
        assert f'{path}:3: "not a target": there is a space in it' in text
        assert service.value(GOOD) == 0
        assert len(service.places()) == 1
        path.write_text(f"{one}\n{other}\n")
        service.wait_for_event("reloaded")
        service.running.wait_until(lambda: len(service.places()) == 2)
        assert service.value(GOOD) == 1


def test_another_ca_file_counts_from_the_next_probe_on(farm: RunningFarm, tmp_path: Path) -> None:
    settings = document(farm, *farm.targets("tls13-only"))
    settings["schedule"] = {"interval": 1}
    del settings["probe"]["ca_file"]
    with serving(tmp_path, settings) as service:
        service.wait_ready()
        assert service.value("mailport_certificate_verified") == 0
        assert service.value("mailport_endpoint_level") == 2
        copy_ca(farm, tmp_path)
        service.write_config({**settings, "probe": {"allow_private": True, "ca_file": "ca.pem"}})
        assert post(service)[0] == 200
        service.running.wait_until(lambda: service.value("mailport_certificate_verified") == 1)
        assert service.value("mailport_endpoint_level") == 4


def test_many_reloads_at_once_end_in_one_state(farm: RunningFarm, tmp_path: Path) -> None:
    targets = farm.targets("healthy", "tls12-only", "tls13-only", "banner-odd")
    with serving(tmp_path, document(farm, *targets)) as service:
        for count in range(len(targets), 0, -1):
            service.write_config(document(farm, *targets[:count]))
            os.kill(service.running.process.pid, SIGHUP)
            assert post(service)[0] == 200
        service.running.wait_until(lambda: service.value("mailport_endpoints") == 1)
        service.wait_ready()
        wait_for_places(service, (farm.farm.scenarios[0].host, farm.farm.port_of(farm.farm.scenarios[0])))
