"""Every scenario of the farm, probed through real sockets: state, reason, verdicts, time, manners, bytes."""

import re

import pytest

from scanner.demo import SCENARIOS, Scenario
from scanner.demo.scenario import QUICK, NoServer
from scanner.model import Protocol, Reason, State
from scanner.protocol.session import MAX_BYTES
from tests.probe.conftest import Pass
from tests.probe.probing import EHLO_NAME, GREETING_DELAY_SECONDS, LIMIT_SECONDS, MORE

ALL = (*SCENARIOS, *MORE)
ONE_READ = 256 * 1024  # the most that asyncio (262144) and uvloop (256000) hand over at once
every_scenario = pytest.mark.parametrize("scenario", ALL, ids=lambda row: f"{row.name}-{row.port}")

# All that mail.md section 7 lets a prober say; the tags of IMAP are our own.
COMMANDS = {
    Protocol.SMTP: re.compile(rf"(EHLO|HELO) {re.escape(EHLO_NAME)}|STARTTLS|QUIT"),
    Protocol.IMAP: re.compile(r"a[0-9] (CAPABILITY|STARTTLS|LOGOUT)"),
    Protocol.POP3: re.compile(r"CAPA|STLS|QUIT"),
}
GOODBYE = {Protocol.SMTP: "QUIT", Protocol.IMAP: "a9 LOGOUT", Protocol.POP3: "QUIT"}


@every_scenario
def test_it_is_found_out_in_time(farm_pass: Pass, scenario: Scenario) -> None:
    observation = farm_pass.of(scenario)
    assert (observation.state, observation.reason) == (scenario.state, scenario.reason), observation.detail
    assert scenario.verdicts <= {verdict.id for verdict in observation.verdicts}
    assert observation.duration <= scenario.bound - scenario.greeting_delay + GREETING_DELAY_SECONDS
    assert (observation.level > 0) == (observation.state is State.OPEN)
    assert observation.vantage == "test"


@every_scenario
def test_it_hears_nothing_but_polite_commands(farm_pass: Pass, scenario: Scenario) -> None:
    events = farm_pass.events(scenario)
    has_server = not isinstance(scenario.behaviour, NoServer)
    assert events.count("connect") == events.count("disconnect") == has_server
    assert "spoke before the greeting" not in events
    assert not [event for event in events if event.startswith("fault")]
    if scenario.reason is Reason.PLAINTEXT_ON_TLS_PORT:
        return  # what the server takes for lines is a ClientHello
    for line in farm_pass.lines(scenario):
        assert COMMANDS[scenario.protocol].fullmatch(line), line


@every_scenario
def test_it_can_send_no_more_than_the_limit(farm_pass: Pass, scenario: Scenario) -> None:
    assert farm_pass.of(scenario).bytes_read <= MAX_BYTES + ONE_READ


@pytest.mark.parametrize(
    "scenario",
    [row for row in ALL if row.state is State.OPEN or row.name in {"greeting-554", "expired-554"}],
    ids=lambda row: f"{row.name}-{row.port}",
)
def test_the_last_word_is_a_goodbye(farm_pass: Pass, scenario: Scenario) -> None:
    lines = farm_pass.lines(scenario)
    assert lines[-1] == GOODBYE[scenario.protocol]
    assert lines.count(lines[-1]) == 1


@pytest.mark.parametrize(
    "scenario",
    [row for row in SCENARIOS if row.reason is not None and row.bound == QUICK],
    ids=lambda row: f"{row.name}-{row.port}",
)
def test_a_definite_answer_waits_for_no_time_limit(farm_pass: Pass, scenario: Scenario) -> None:
    assert farm_pass.of(scenario).duration < LIMIT_SECONDS / 3


def test_a_flood_is_cut_at_the_limit(farm_pass: Pass) -> None:
    for name in ("flood", "flood-in-tls"):
        scenario = next(row for row in MORE if row.name == name)
        observation = farm_pass.of(scenario)
        assert observation.bytes_read == MAX_BYTES
        assert observation.detail == f"more than {MAX_BYTES} bytes"
