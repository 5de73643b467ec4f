"""Three vantages as processes in networks of their own: whose way it is, and what is said of the target."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.places import MAIN, OSLO, ROME, SERVER, VANTAGES, Places, Watching, watching
from tests.servers.certificates import Authority

EVERYWHERE_OPEN = dict.fromkeys(VANTAGES, 1.0)
NOWHERE = dict.fromkeys(VANTAGES, 0.0)


@pytest.fixture
def watch(places: Places, tmp_path: Path, authority: Authority) -> Iterator[Watching]:
    with watching(places, tmp_path, authority.ca_file) as watch:
        watch.scheduler.wait_until(
            lambda: watch.of_target("mailport_endpoint_state", state="open") == EVERYWHERE_OPEN
        )
        assert watch.of_target("mailport_endpoint_level") == dict.fromkeys(VANTAGES, 4.0)
        yield watch


def others_than(vantage: str) -> list[str]:
    return sorted(set(VANTAGES) - {vantage})


@pytest.mark.parametrize("vantage", [MAIN, ROME])
def test_a_port_that_one_vantage_does_not_reach_is_not_blocked_until_none_does(
    watch: Watching, vantage: str
) -> None:
    watch.places.drop(vantage)
    watch.wait_for_incidents(("target_blocks_us", SERVER))
    reasons = watch.samples("mailport_endpoint_reason_info", host=SERVER)
    assert [(one.labels["vantage"], one.labels["reason"]) for one in reasons] == [
        (vantage, "target_blocks_us")
    ]
    assert watch.of_target("mailport_endpoint_state", state="open") == {**EVERYWHERE_OPEN, vantage: 0}
    assert watch.of_target("mailport_endpoint_state", state="blocked") == NOWHERE
    assert watch.of_target("mailport_endpoint_blocked") == NOWHERE
    assert watch.of_target("mailport_endpoint_level") == dict.fromkeys(VANTAGES, 4.0)
    assert watch.of_target("mailport_endpoint_downgraded") == NOWHERE

    whole = watch.endpoint()
    shown = {one["vantage"]: one["reason"] for one in (whole["observation"], *whole["vantages"])}
    assert shown == {**dict.fromkeys(VANTAGES), vantage: "target_blocks_us"}
    page = watch.ask(f"/endpoints/{whole['id']}")
    assert f"From vantage {vantage} port 25 cannot be used" in watch.ask("/")
    assert all(f'scope="row"><bdi>{name}</bdi>' in page for name in VANTAGES)
    told = json.loads(watch.ask("/api/v1/events"))["events"]
    assert [one["vantage"] for one in told if one["kind"] == "incident_opened"] == [vantage]
    (incident,) = json.loads(watch.ask("/api/v1/incidents"))["incidents"]
    assert incident["vantage"] == vantage
    assert (incident["vantages"], incident["compared_with"]) == ([vantage], others_than(vantage))
    (opened,) = (one for one in told if one["kind"] == "incident_opened")
    assert (opened["vantages"], opened["compared_with"]) == ([vantage], others_than(vantage))

    for other in set(VANTAGES) - {vantage}:
        watch.places.drop(other)
    watch.wait_for_incidents(("port_blocked", SERVER))
    watch.scheduler.wait_until(lambda: watch.of_target("mailport_endpoint_blocked")[MAIN] == 1)

    watch.places.mend()
    watch.wait_for_incidents()
    watch.scheduler.wait_until(
        lambda: watch.of_target("mailport_endpoint_state", state="open") == EVERYWHERE_OPEN
    )


@pytest.mark.parametrize("vantage", [MAIN, OSLO])
def test_who_strips_starttls_for_one_vantage_is_told_of_that_one(watch: Watching, vantage: str) -> None:
    watch.places.strip(vantage)
    watch.wait_for_incidents(("starttls_missing", SERVER))
    assert watch.of_target("mailport_endpoint_downgraded") == {**NOWHERE, vantage: 1}
    (sample,) = watch.samples("mailport_incident")
    assert (sample.labels["kind"], sample.labels["severity"]) == ("downgrade", "critical")
    verdicts = watch.samples("mailport_endpoint_verdict", verdict="starttls_missing")
    assert [one.labels["vantage"] for one in verdicts] == [vantage]
    assert watch.of_target("mailport_endpoint_level") == {**dict.fromkeys(VANTAGES, 4.0), vantage: 1}
    whole = watch.endpoint()
    (seen,) = (one for one in (whole["observation"], *whole["vantages"]) if one["vantage"] == vantage)
    (incident,) = json.loads(watch.ask("/api/v1/incidents"))["incidents"]
    (opened,) = (
        one
        for one in json.loads(watch.ask("/api/v1/events"))["events"]
        if (one["kind"], one["name"]) == ("incident_opened", "starttls_missing")
    )
    for one in (*seen["verdicts"], *seen["standing"], incident, opened):
        assert (one["vantages"], one["compared_with"]) == ([vantage], others_than(vantage))
    watch.places.mend()
    watch.wait_for_incidents()


def test_a_fault_of_one_vantages_own_network_is_no_word_on_a_server_and_stops_nobody(
    watch: Watching,
) -> None:
    watch.places.drop(ROME, address=None)
    watch.scheduler.wait_until(
        lambda: [one.value for one in watch.samples("mailport_egress_blocked", vantage=ROME)] == [1]
    )
    watch.scheduler.wait_until(
        lambda: (
            [
                one.labels["vantage"]
                for one in watch.samples("mailport_endpoint_reason_info", reason="egress_blocked")
            ]
            == [ROME]
        )
    )
    assert watch.incidents() == set()
    assert [one.value for one in watch.samples("mailport_egress_blocked", vantage=MAIN)] == [0]
    before = watch.of_target("mailport_probe_timestamp_seconds")
    watch.scheduler.wait_until(
        lambda: all(
            watch.of_target("mailport_probe_timestamp_seconds")[name] > before[name] for name in (MAIN, OSLO)
        )
    )
    # What the others see goes on to be judged.
    watch.places.drop(OSLO)
    watch.wait_for_incidents(("target_blocks_us", SERVER))
    watch.places.mend()
    watch.wait_for_incidents()
    watch.scheduler.wait_until(
        lambda: [one.value for one in watch.samples("mailport_egress_blocked", vantage=ROME)] == [0]
    )


def test_a_vantage_without_workers_holds_nobody_up_for_long(watch: Watching) -> None:
    watch.workers[ROME].process.kill()
    watch.workers[OSLO].process.kill()
    watch.places.drop(MAIN)
    watch.wait_for_incidents(("port_blocked", SERVER))
    watch.scheduler.wait_until(
        lambda: [one.value for one in watch.samples("mailport_vantage_up", vantage=ROME)] == [0]
    )
