"""`mailport serve` while our own network blocks a port, and when it lets it through again."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.command import SECONDS, Running, started
from tests.network.way_out import SMTP, SUBMISSION, Place, built, place
from tests.service.serving import read_log

__all__ = ["built", "place"]


@dataclass(frozen=True, slots=True)
class Served:
    """A service on the client's host."""

    running: Running
    place: Place
    listen: str

    def ask(self, path: str) -> str:
        with (
            self.place.network.client.entered(),
            urllib.request.urlopen(f"http://{self.listen}{path}", timeout=SECONDS) as answer,
        ):
            body: bytes = answer.read()
        return body.decode()

    def values(self, name: str, **labels: str) -> list[float]:
        families = text_string_to_metric_families(self.ask("/metrics"))
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return [sample.value for sample in samples if labels.items() <= sample.labels.items()]

    def wait(self, name: str, expected: list[float], **labels: str) -> None:
        self.running.wait_until(lambda: self.values(name, **labels) == expected)


@contextmanager
def serving(place: Place, *ports: int, interval: str) -> Iterator[Served]:
    """Serve; targets are probed every 15 minutes, so that what comes sooner is because of controls."""
    config = place.configure(*ports, settings={"interval": interval})
    arguments = ("serve", "--config", config, "--listen", "127.0.0.1:0", "--log-format", "json")
    with started(place.folder, *arguments, prefix=place.network.client.argv([])) as running:
        running.wait_until(lambda: any(line["event"] == "serving" for line in read_log(running)))
        (line,) = (line for line in read_log(running) if line["event"] == "serving")
        yield Served(running, place, line["listen"])


def test_a_port_that_opens_again_is_judged_again(place: Place) -> None:
    place.drop_on_the_way_out(SMTP)
    with serving(place, SMTP, SUBMISSION, interval="1s") as served:
        served.wait("mailport_endpoint_state", [1.0], port=str(SMTP), state="unknown")
        served.wait("mailport_endpoint_state", [1.0], port=str(SUBMISSION), state="open")
        assert served.values("mailport_egress_blocked", port=str(SMTP), vantage="default") == [1.0]
        assert served.values("mailport_egress_blocked", port=str(SUBMISSION)) == [0.0]
        assert served.values("mailport_egress_intercepted", port=str(SMTP)) == [0.0]
        assert served.values("mailport_endpoint_blocked", port=str(SMTP)) == []
        assert "lets nothing out to port 25" in served.ask("/")

        place.network.clear_filters()
        served.wait("mailport_egress_blocked", [0.0], port=str(SMTP))
        served.wait("mailport_endpoint_state", [1.0], port=str(SMTP), state="open")
        assert "About our own network" not in served.ask("/")
        changes = [line for line in read_log(served.running) if line["event"] == "egress_changed"]
        assert [line["level"] for line in changes] == ["warning", "info"]


@pytest.mark.parametrize("is_down", [False, True])
def test_a_port_of_the_target_is_the_targets(place: Place, is_down: bool) -> None:
    """Results wait for the first check, and the controls are asked no more than that."""
    if is_down:
        place.drop_on_the_way_out(SMTP)
    else:
        place.drop_at_the_target(SMTP)
    state = "unknown" if is_down else "blocked"
    with serving(place, SMTP, interval="15m") as served:
        served.wait("mailport_endpoint_state", [1.0], port=str(SMTP), state=state)
        assert served.values("mailport_probes_total", protocol="smtp", state=state) == [1.0]
        assert served.values("mailport_egress_blocked", port=str(SMTP)) == [float(is_down)]
