"""`mailport scan` behind filters of our own network: control servers tell whose fault a silent port is."""

import json
import subprocess
from typing import Any

import pytest

from scanner.model import Reason
from tests.network.way_out import SMTP, SUBMISSION, WEB, Place, built, place
from tests.servers.packet_filter import Filter, Hook

__all__ = ["built", "place"]

BLOCKED = ("unknown", Reason.EGRESS_BLOCKED.value)
INTERCEPTED = ("unknown", Reason.EGRESS_INTERCEPTED.value)


def records(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[int, tuple[str, str | None]]:
    return {record["port"]: (record["state"], record["reason"]) for record in records(done)}


def verdict_of(done: subprocess.CompletedProcess[str], port: int) -> dict[str, str]:
    (record,) = (record for record in records(done) if record["port"] == port)
    verdict: dict[str, str] = record["verdicts"][0]
    return verdict


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
    place.drop_at_the_target(SMTP)
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
