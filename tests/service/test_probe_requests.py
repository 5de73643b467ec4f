"""A running service is asked for probes, and for what changes: over HTTP, with real servers behind it."""

import http.client
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from scanner.model.endpoint_id import write_id
from scanner.model.observation import Key
from tests.cli.running_farm import RunningFarm, open_rows
from tests.service.serving import Service, serving
from tests.service.test_start_and_stop import QUICK_SECONDS, document


def smtp_key(service: Service) -> Key:
    sample, *_ = service.samples("mailport_endpoint_state", state="open", protocol="smtp")
    labels = sample.labels
    return (labels["host"], labels["address"], int(labels["port"]), "smtp", "starttls")


def count_connects(farm: RunningFarm, key: Key) -> int:
    return farm.connects().count((key[0], key[2]))


def post(service: Service, name: str) -> tuple[int, Any]:
    status, text = service.ask(f"/api/v1/endpoints/{name}/probe", method="POST")
    return status, json.loads(text)


def test_an_endpoint_is_probed_now_and_its_dialogue_shown(tmp_path: Path) -> None:
    settings = {"versions_interval": None}
    with open_rows("starttls-missing") as farm, serving(tmp_path, document(farm, probe=settings)) as service:
        service.wait_ready()
        key = smtp_key(service)
        name = write_id(key)
        before = count_connects(farm, key)
        status, found = post(service, name)
        assert status == 200
        assert count_connects(farm, key) == before + 1
        assert found["observation"]["state"] == "open"
        assert found["is_counted"] is False  # the first probe was made a moment ago
        said = [(line["speaker"], line["text"]) for line in found["dialogue"]]
        assert said[0] == ("note", "connected")
        assert said[-1] == ("note", "done")
        assert ("client", "QUIT") in said
        assert said[1][1] == found["observation"]["banner"]
        status, found = post(service, name)
        assert status == 429
        assert count_connects(farm, key) == before + 1
        assert post(service, "nobody.example~192.0.2.1~25~smtp")[0] == 404


def test_a_target_is_probed_for_a_scrape(farm: RunningFarm, tmp_path: Path) -> None:
    with serving(tmp_path, document(farm, "healthy", "greeting-554")) as service:
        service.wait_ready()
        for target in farm.targets("healthy"):
            status, text = service.ask(f"/probe?target={target}")
            assert status == 200
            assert "\nprobe_success 1\n" in text
            assert text.count("\nmailport_probe_success{") == 1
        refusing = farm.targets("greeting-554")[0]
        assert "\nprobe_success 0\n" in service.ask(f"/probe?target={refusing}")[1]
        status, text = service.ask(f"/probe?target={refusing}&debug=true")
        assert status == 200
        assert " S: 554" in text
        status, text = service.ask("/probe?target=elsewhere.example&port=25")
        assert status == 403
        assert "web.probe.allow" in text
        host = refusing.split("//")[-1].split(":")[0]
        assert service.ask(f"/probe?target=smtp://{host}:2")[0] == 403


def fetch(service: Service, target: str, seconds: float) -> tuple[int, str, float]:
    begun = time.monotonic()
    path = f"/probe?target={target}"
    connection = http.client.HTTPConnection(service.address, timeout=30)
    connection.request("GET", path, headers={"X-Prometheus-Scrape-Timeout-Seconds": str(seconds)})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, time.monotonic() - begun


@pytest.mark.parametrize("seconds", [3.0, 1.0])
def test_the_answer_comes_before_the_time_of_the_scrape_is_over(tmp_path: Path, seconds: float) -> None:
    with open_rows("mute", "healthy") as farm:
        settings = document(farm, "healthy", web={"probe": {"allow": ["127.0.0.0/8", ".mail.test"]}})
        with serving(tmp_path, settings) as service:
            service.wait_ready()
            (target,) = farm.targets("mute")
            status, text, took = fetch(service, target, seconds)
            assert status == 200
            assert took < seconds
            assert "\nprobe_success 0\n" in text
            assert 'mailport_probe_phase_seconds{host="' in text
            assert 'phase="connect"' in text


def test_probes_that_are_asked_for_keep_their_distance_too(tmp_path: Path) -> None:
    limits = {"rate": 0, "per_address_gap": 0.5}
    probe = {"versions_interval": None}
    with (
        open_rows("healthy") as farm,
        serving(tmp_path, document(farm, limits=limits, probe=probe)) as service,
    ):
        service.wait_ready()
        target = farm.targets("healthy")[0]
        since = time.monotonic()
        with ThreadPoolExecutor() as threads:
            found = list(threads.map(lambda _: fetch(service, target, 10.0), range(3)))
        assert [status for status, _, _ in found] == [200] * 3
        times = sorted(entry.at for entry in farm.events("connect") if entry.at >= since)
        assert len(times) == 3
        assert all(later - sooner >= 0.45 for sooner, later in itertools.pairwise(times))


def test_the_allow_list_admits_others_and_private_addresses_stay_refused(
    farm: RunningFarm, tmp_path: Path
) -> None:
    allowed = document(farm, "greeting-554", web={"probe": {"allow": ["localhost.example", "127.0.0.0/8"]}})
    allowed["probe"]["allow_private"] = False
    allowed["targets"] = ["nothing.mail.test"]
    with serving(tmp_path, allowed) as service:
        service.wait_ready()
        status, text = service.ask("/probe?target=127.0.0.1&port=25")
        assert status == 403
        assert "loopback" in text
        assert service.ask("/probe?target=192.0.2.1&port=25")[0] == 403


def test_a_port_that_only_an_srv_record_names_is_not_probed_for_a_client(tmp_path: Path) -> None:
    """Who writes the DNS of an allowed domain would have us connect to any port of any host."""
    odd = {
        "odd.mail.test": {},
        "_imaps._tcp.odd.mail.test": {"SRV": ["0 1 8993 healthy.mail.test.", "1 1 993 healthy.mail.test."]},
    }
    with open_rows("healthy", records=odd) as farm:
        settings = document(farm, web={"probe": {"allow": [".mail.test"]}})
        with serving(tmp_path, settings) as service:
            service.wait_ready()
            status, text = service.ask("/probe?target=odd.mail.test")
    assert status == 200
    assert 'port="993"' in text
    assert 'port="8993"' not in text


def test_a_stream_tells_of_probes_and_ends_with_the_service(tmp_path: Path) -> None:
    with open_rows("greeting-slow", greeting_delay=1.0) as farm, serving(tmp_path, document(farm)) as service:
        stream = http.client.HTTPConnection(service.address, timeout=20)
        stream.request("GET", "/api/v1/events/stream")
        answer = stream.getresponse()
        assert answer.status == 200
        names = []
        while "endpoint" not in names:
            line = answer.readline().decode()
            assert line
            if line.startswith("event: "):
                names.append(line.removeprefix("event: ").strip())
        assert names[0] == "hello"
        assert json.loads(answer.readline().decode().removeprefix("data: "))["state"] == "open"
        status, seconds = service.running.end(SIGTERM)
        assert status == 0
        assert seconds < QUICK_SECONDS
        stream.close()
