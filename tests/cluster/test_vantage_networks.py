"""What a vantage tells of its own network: its workers ask the sites and the dark address, nobody else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.places import (
    DARK,
    MAIN,
    OSLO,
    ROME,
    SERVER,
    SITE,
    VANTAGES,
    Places,
    Watching,
    watching,
)
from tests.servers.certificates import Authority


@pytest.fixture
def watch(places: Places, tmp_path: Path, authority: Authority) -> Iterator[Watching]:
    # The scheduler's own network is never concerned.
    with watching(places, tmp_path, authority.ca_file, home=places.hub) as watch:
        wait_for(watch, "mailport_endpoint_state", dict.fromkeys(VANTAGES, 1.0), host=SERVER, state="open")
        wait_for(watch, "mailport_egress_blocked", dict.fromkeys(VANTAGES, 0.0))
        yield watch


def wait_for(watch: Watching, name: str, expected: dict[str, float], **labels: str) -> None:
    def found() -> dict[str, float]:
        return {one.labels["vantage"]: one.value for one in watch.samples(name, **labels)}

    watch.scheduler.wait_until(lambda: found() == expected)


def told_of(watch: Watching, vantage: str) -> list[dict[str, Any]]:
    """Return the events about the network of a vantage, the oldest first."""
    told = json.loads(watch.ask("/api/v1/events"))["events"]
    found = [one for one in told if one["kind"] == "egress_changed" and one["vantage"] == vantage]
    return sorted(found, key=lambda one: str(one["at"]))


def check_the_others_go_on(watch: Watching, concerned: str) -> None:
    others = set(VANTAGES) - {concerned}
    before = watch.of_target("mailport_probe_timestamp_seconds")
    watch.scheduler.wait_until(
        lambda: all(
            watch.of_target("mailport_probe_timestamp_seconds")[name] > before[name] for name in others
        )
    )
    states = watch.of_target("mailport_endpoint_state", state="open")
    assert {name: states[name] for name in others} == dict.fromkeys(others, 1.0)
    assert watch.incidents() == set()
    assert [told_of(watch, name) for name in others] == [[], []]


def test_a_network_that_is_cut_is_told_from_a_port_that_is_blocked(watch: Watching) -> None:
    watch.places.cut(ROME)
    wait_for(watch, "mailport_egress_blocked", {**dict.fromkeys(VANTAGES, 0.0), ROME: 1.0})
    (event,) = told_of(watch, ROME)
    assert event["summary"].startswith("Seen from vantage rome: Our own network is down")
    assert f"nor can {SITE} be reached" in event["summary"]
    check_the_others_go_on(watch, ROME)
    watch.places.mend()
    wait_for(watch, "mailport_egress_blocked", dict.fromkeys(VANTAGES, 0.0))

    watch.places.drop(ROME, address=None)
    wait_for(watch, "mailport_egress_blocked", {**dict.fromkeys(VANTAGES, 0.0), ROME: 1.0})
    *_, event = told_of(watch, ROME)
    assert event["summary"].startswith("Seen from vantage rome: Our own network lets nothing out to port 25")
    assert f"{SITE} can be reached" in event["summary"]


@pytest.mark.parametrize("vantage", [MAIN, OSLO])
def test_a_box_that_accepts_every_connection_is_found_by_the_dark_address(
    watch: Watching, vantage: str
) -> None:
    watch.places.box_in(vantage)
    wait_for(watch, "mailport_egress_intercepted", {**dict.fromkeys(VANTAGES, 0.0), vantage: 1.0})
    (event,) = told_of(watch, vantage)
    assert event["after"]["signatures"] == ["dark_address_answers"]
    assert f"{DARK}, where nothing is, accepts connections" in event["summary"]
    watch.scheduler.wait_until(
        lambda: (
            [
                one.labels["vantage"]
                for one in watch.samples("mailport_endpoint_reason_info", reason="egress_intercepted")
            ]
            == [vantage]
        )
    )
    if vantage != MAIN:
        check_the_others_go_on(watch, vantage)
    watch.places.mend()
    wait_for(watch, "mailport_egress_intercepted", dict.fromkeys(VANTAGES, 0.0))
