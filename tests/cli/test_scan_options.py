"""The options of `mailport scan`: what is probed, how briskly, and with which exit status."""

import itertools
import time
from pathlib import Path

import pytest
import yaml

from scanner.demo import count_open_at_most
from scanner.model import PORTS
from tests.cli.command import Outcome, run, run_together
from tests.cli.running_farm import RunningFarm, open_rows

NAME = "healthy.mail.test"


def scan(farm: RunningFarm, *arguments: str | Path, stdin: str | bytes = "") -> Outcome:
    return run("scan", *arguments, *farm.options, "--format", "ndjson", stdin=stdin)


def places(outcome: Outcome) -> list[tuple[str, int]]:
    return sorted((record["host"], record["port"]) for record in outcome.records)


def test_a_target_file_is_read_with_its_comments_and_each_target_once(
    farm: RunningFarm, tmp_path: Path
) -> None:
    first, second = farm.targets("healthy")[:2]
    path = tmp_path / "targets.txt"
    path.write_text(f"\ufeff# mine\n\n{first}\n  {second}   # twice\n{first.upper()}\n", encoding="utf-8")
    outcome = scan(farm, "--targets", path)
    assert len(outcome.records) == 2
    assert len(scan(farm, second, "--targets", path).records) == 2


def test_a_dash_reads_targets_from_standard_input(farm: RunningFarm) -> None:
    outcome = scan(farm, "--targets", "-", stdin="\n".join(farm.targets("healthy")))
    assert len(outcome.records) == 7


def test_a_port_in_two_tls_modes_ends_a_scan_before_it_begins() -> None:
    outcome = run("scan", "smtp://h.example:2525", "smtps://h.example:2525")
    assert outcome.status == 2
    assert 'targets[1]: "smtps://h.example:2525": the same host and port as' in outcome.stderr


def test_a_bare_name_is_probed_on_all_seven_ports_or_on_those_named(farm: RunningFarm) -> None:
    common = (NAME, *farm.options, "--format", "ndjson")
    every, some = run_together(("scan", *common), ("scan", *common, "--ports", "587, 993"))
    assert [port for _, port in places(every)] == sorted(PORTS)
    assert [port for _, port in places(some)] == [587, 993]


def test_a_configuration_brings_targets_and_settings_which_options_outdo(
    farm: RunningFarm, tmp_path: Path
) -> None:
    path = tmp_path / "mailport.yml"
    settings = {"targets": [NAME], "ports": [143, 993], "policy": {"min_tls": "TLSv1.3"}, **farm.settings}
    path.write_text(yaml.safe_dump({**settings, "vantage": "berlin-2"}))
    common = ("scan", "--config", path, "--format", "ndjson")
    as_written, outdone, other = run_together(
        common, (*common, "--ports", "25"), (*common, *farm.targets("tls12-only"))
    )
    assert [port for _, port in places(as_written)] == [143, 993]
    assert {record["vantage"] for record in as_written.records} == {"berlin-2"}
    assert [port for _, port in places(outdone)] == [25]
    assert [record["host"] for record in other.records] == ["tls12-only.mail.test"]
    assert [verdict["id"] for verdict in other.records[0]["verdicts"]] == ["tls_version_below_policy"]


def test_one_family_or_both() -> None:
    dual = {"dual.mail.test": {"A": ["127.0.0.91"], "AAAA": ["::1"]}}
    with open_rows("healthy", records=dual) as farm:
        common = ("scan", "smtp://dual.mail.test:9", *farm.options, "--format", "ndjson")
        both, four, six, none = run_together(
            common, (*common, "--ipv4"), (*common, "--ipv6"), (*common, "imap://127.0.0.91:9", "--ipv6")
        )
    assert sorted(record["address"] for record in both.records) == ["127.0.0.91", "::1"]
    assert [record["address"] for record in four.records] == ["127.0.0.91"]
    assert [record["address"] for record in six.records] == ["::1"]
    assert [(r["host"], r["reason"]) for r in none.records if r["port"] is None] == [
        ("127.0.0.91", "no_address")
    ]


@pytest.mark.parametrize(
    ("target", "state", "reason"),
    [
        ("no-such-name.mail.test", "unreachable", "name_not_found"),
        ("nodata.mail.test", "unreachable", "no_address"),
        ("servfail.mail.test", "unreachable", "dns_failure"),
        ("private.mail.test", "unreachable", "address_not_allowed"),
    ],
)
def test_a_name_that_leads_nowhere_is_a_finding(
    target: str, state: str, reason: str, farm: RunningFarm
) -> None:
    outcome = run("scan", target, "--resolver", farm.farm.resolver, "--format", "ndjson")
    (record,) = outcome.records
    assert (record["domain"], record["port"], record["state"], record["reason"]) == (
        target,
        None,
        state,
        reason,
    )
    assert record["detail"]


def test_loopback_is_not_probed_unasked(farm: RunningFarm) -> None:
    begun = time.monotonic()
    outcome = run("scan", *farm.targets("healthy"), "--resolver", farm.farm.resolver, "--format", "ndjson")
    assert {record["reason"] for record in outcome.records} == {"address_not_allowed"}
    assert farm.connects(begun) == []


@pytest.mark.parametrize(("fail_on", "status"), [("never", 0), ("warning", 1), ("critical", 0)])
def test_targets_that_may_not_be_probed_are_results_like_others(fail_on: str, status: int) -> None:
    outcome = run("scan", "127.0.0.91:25", "10.0.0.1", "--format", "ndjson", "--fail-on", fail_on)

    assert [record["reason"] for record in outcome.records] == ["address_not_allowed"] * 2
    assert outcome.status == status
    assert "mailport: nothing was probed: " in outcome.stderr
    assert "--allow-private" in outcome.stderr


def test_one_target_that_may_not_be_probed_among_others_is_a_finding(farm: RunningFarm) -> None:
    # What a domain's records make of it is no wrong use either: see the private name.
    for others in (["private.mail.test"], ["private.mail.test", "10.0.0.1"]):
        outcome = run("scan", *others, "--resolver", farm.farm.resolver, "--format", "ndjson")
        assert {record["reason"] for record in outcome.records} == {"address_not_allowed"}
        assert outcome.status == 0


def test_who_is_excluded_is_told_and_not_connected_to(farm: RunningFarm, tmp_path: Path) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("# asked by letter\nHealthy.Mail.Test.\n")
    config = tmp_path / "mailport.yml"
    config.write_text(yaml.safe_dump({"exclude": ["tls13-only.mail.test"], **farm.settings}))
    targets = [*farm.targets("healthy"), *farm.targets("tls12-only"), *farm.targets("tls13-only")]
    begun = time.monotonic()
    outcome = scan(farm, *targets, "--exclude", path, "--config", config, "--fail-on", "warning")
    left = {record["host"]: record for record in outcome.records if record["reason"] == "excluded"}
    assert left.keys() == {"healthy.mail.test", "tls13-only.mail.test"}
    assert {(record["port"], record["state"]) for record in left.values()} == {(None, "unknown")}
    assert left["healthy.mail.test"]["detail"] == "healthy.mail.test is on the exclude list"
    assert {host for host, _ in farm.connects(begun)} == {"tls12-only.mail.test"}
    assert "nothing was probed" not in outcome.stderr


@pytest.mark.parametrize("fail_on", ["never", "warning", "critical"])
def test_a_scan_of_excluded_targets_alone_says_so_and_did_its_work(fail_on: str, tmp_path: Path) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("example.org\n192.0.2.0/24\n")
    outcome = run(
        *("scan", "mx.example.org:25", "192.0.2.1", "--exclude", path, "--format", "ndjson"),
        *("--fail-on", fail_on),
    )
    assert [record["reason"] for record in outcome.records] == ["excluded"] * 2
    assert outcome.status == 0
    assert "mailport: nothing was probed: all of these targets are on the exclude list" in outcome.stderr
    both = run("scan", "mx.example.org:25", "10.0.0.1", "--exclude", path, "--fail-on", fail_on)
    assert both.status == (1 if fail_on == "warning" else 0)
    assert "nothing was probed: each of these targets is excluded, or at an address that is" in both.stderr


def test_an_exclude_list_that_cannot_be_read_ends_a_scan_before_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "optout.txt"
    for text, says in (
        (None, "there is no such file"),
        ("a.test\n*.b.test\n", ':2: "*.b.test": write "b.test"'),
    ):
        if text is not None:
            path.write_text(text)
        outcome = run("scan", "a.test", "--exclude", path)
        assert (outcome.status, outcome.stdout) == (2, "")
        assert says in outcome.stderr
    outcome = run("scan", "a.test", "--exclude", path, "--out", path)
    assert outcome.status == 2
    assert "--out and --exclude name one file" in outcome.stderr


def test_without_our_ca_nothing_is_trusted(farm: RunningFarm) -> None:
    options = ("--resolver", farm.farm.resolver, "--allow-private", "--format", "ndjson")
    outcome = run("scan", *farm.targets("tls13-only"), *options)
    assert outcome.records[0]["certificate"]["trusted"] is False
    assert "untrusted" in outcome.records[0]["certificate"]["problems"]


def test_concurrency_caps_connections_and_an_address_has_one_at_a_time() -> None:
    with open_rows("healthy", "cert-self", "cert-other", "cert-weak", "tls13-only", "tls12-only") as farm:
        arguments = (*farm.targets(), *farm.options, "--format", "ndjson")
        outcome = run("scan", *arguments, "--concurrency", 2)
        log = farm.farm.log
        assert len(outcome.records) == 12
        assert count_open_at_most(log) <= 2
        address = farm.farm.address_of(farm.farm.scenarios[0])
        assert count_open_at_most(log, address) == 1


def test_rate_caps_how_many_connections_start_a_second(farm: RunningFarm) -> None:
    begun = time.monotonic()
    arguments = (*farm.targets("healthy"), *farm.options, "--no-versions", "--rate", 5)
    outcome = run("scan", *arguments, "--format", "ndjson")
    starts = [entry.at for entry in farm.events("connect") if entry.at >= begun]
    assert len(starts) == len(outcome.records) == 7
    within = [
        sum(start <= other < start + 1 for other in starts)
        for start, _ in itertools.pairwise([*starts, float("inf")])
    ]
    assert max(within) <= 6  # five a second, and one that met its second's end


def test_timeout_caps_a_silent_server(farm: RunningFarm) -> None:
    outcome = scan(farm, *farm.targets("mute-after-ehlo", "blocked"), "--timeout", "0.5")
    waits = [record["duration"] for record in outcome.records if record["state"] != "open"]
    assert len(waits) == 3
    # The limit's clock starts a moment before that of the duration.
    assert all(0.49 <= wait < 3 for wait in waits), waits


def test_findings_set_the_exit_status_only_where_asked(farm: RunningFarm) -> None:
    expected = {
        ("healthy", "warning"): 0,
        ("cert-expiring", "critical"): 0,
        ("cert-expiring", "warning"): 1,
        ("cert-expired", "critical"): 1,
        ("cert-expired", "never"): 0,
    }
    commands = [("scan", *farm.targets(name), *farm.options, "--fail-on", word) for name, word in expected]
    outcomes = run_together(*commands)
    assert [outcome.status for outcome in outcomes] == list(expected.values())


def test_the_summary_counts_what_the_exit_status_is_about(farm: RunningFarm) -> None:
    arguments = ("scan", "no-such-name.mail.test", "--resolver", farm.farm.resolver)
    outcome = run(*arguments, "--fail-on", "critical")
    assert outcome.status == 1
    assert "!! name not found" in outcome.stdout
    assert outcome.stdout.splitlines()[-1].rstrip() == "1 result: 1 unreachable, 1 critical"


@pytest.fixture
def hasty(tmp_path: Path) -> Path:
    """A configuration that waits for a name server for half a second."""
    path = tmp_path / "hasty.yml"
    path.write_text("resolver: {timeout: 500ms}\n")
    return path


def test_no_answer_from_the_name_servers_at_all_is_our_own_trouble(hasty: Path) -> None:
    targets = ("a.mail.test:25", "b.mail.test:25")
    outcome = run("scan", *targets, "--config", hasty, "--resolver", "127.0.0.1:9")
    assert outcome.status == 3
    assert "no target could be judged" in outcome.stderr


def test_one_target_judged_is_enough_for_a_scan_to_have_worked(farm: RunningFarm, hasty: Path) -> None:
    outcome = scan(farm, "silent.mail.test:25", *farm.targets("tls13-only"), "--config", hasty)
    assert outcome.status == 0
    assert {record["reason"] for record in outcome.records} == {"dns_failure", None}
