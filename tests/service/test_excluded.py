"""The exclude list of `mailport serve`: changed by a reload, and no road leads around it."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running_farm import RunningFarm
from tests.service.serving import Service, serving

pytestmark = pytest.mark.usefixtures("marathon")

HOST = "tls12-only.mail.test"


def document(farm: RunningFarm, *targets: str, **more: Any) -> dict[str, Any]:
    return {
        "targets": [*targets],
        "ports": [25, 587],
        "schedule": {"interval": 1, "jitter": 0},
        "controls": False,
        "store": False,
        **farm.settings,
        **more,
    }


def hosts_of(service: Service) -> set[str]:
    return {host for host, _ in service.places()}


def test_a_reload_stops_and_starts_the_probes_of_a_host(farm: RunningFarm, tmp_path: Path) -> None:
    left, kept = farm.targets("tls12-only")[0], farm.targets("tls13-only")[0]
    path = tmp_path / "optout.txt"
    path.write_text("# nobody yet\n")
    with serving(tmp_path, document(farm, left, kept, exclude={"file": "optout.txt"})) as service:
        service.wait_ready()
        assert hosts_of(service) == {HOST, "tls13-only.mail.test"}
        path.write_text("TLS12-Only.Mail.test.  # asked by letter\n")
        service.wait_for_event("reloaded")  # by itself: the file has changed
        service.running.wait_until(lambda: hosts_of(service) == {"tls13-only.mail.test"})
        since = time.monotonic()
        assert [line["event"] for line in service.log if line.get("first") == [HOST]] == ["target_excluded"]

        status, text = service.ask(f"/probe?target={left}")
        assert status == 403
        assert f"{HOST} is on the exclude list" in text
        assert "mailport_domain" not in "".join(
            line for line in service.ask("/metrics")[1].splitlines() if HOST in line
        )
        page = service.ask(f"/domains/{HOST}")[1]
        assert "is on the exclude list" in page
        assert "<strong>Excluded</strong>" in page
        assert "left alone: on the exclude list" in page
        # The other one is probed again and again meanwhile.
        service.running.wait_until(
            lambda: [host for host, _ in farm.connects(since)].count("tls13-only.mail.test") >= 3
        )
        assert HOST not in {host for host, _ in farm.connects(since)}

        path.write_text("two words\n")
        assert service.ask("/-/reload", method="POST")[0] == 500
        assert hosts_of(service) == {"tls13-only.mail.test"}
        path.write_text("")
        assert service.ask("/-/reload", method="POST")[0] == 200
        service.running.wait_until(lambda: hosts_of(service) == {HOST, "tls13-only.mail.test"})
