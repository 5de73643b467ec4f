"""The table of scenarios: complete, consistent, and within the contract's vocabulary."""

import re
from collections import Counter
from pathlib import Path

import pytest

from scanner.demo import SCENARIOS, Scenario, rows_of
from scanner.model import PORTS, STATE_OF, Reason, State, TlsMode

VERDICTS = {
    "starttls_missing",
    "starttls_masked",
    "banner_masked",
    "starttls_refused",
    "ehlo_rejected",
    "starttls_dropped",
    "starttls_injection",
    "plaintext_on_tls_port",
    "tls_on_plaintext_port",
    "tls_version_below_policy",
    "legacy_tls_accepted",
    "cipher_weak",
    "certificate_untrusted",
    "certificate_name_mismatch",
    "certificate_expired",
    "certificate_not_yet_valid",
    "certificate_expiring",
    "key_weak",
    "auth_before_tls",
    "auth_not_offered",
    "oauth_only",
    "preauth",
    "tls_terminated_by_proxy",
    "port_blocked",
    "port_closed",
    "greeting_rejected",
}


@pytest.mark.parametrize("row", SCENARIOS, ids=lambda row: f"{row.name}-{row.port}")
def test_a_row_is_consistent_and_its_name_lawful(row: Scenario) -> None:
    assert row.state is (State.OPEN if row.reason is None else STATE_OF[row.reason])
    assert (row.protocol, row.tls_mode) == (PORTS[row.port].protocol, PORTS[row.port].tls_mode)
    assert row.verdicts | row.sweep_verdicts <= VERDICTS
    assert 0 < row.bound - row.greeting_delay <= 5
    assert row.title
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", row.name)
    assert row.host == f"{row.name}.mail.test"


def test_no_port_of_a_host_is_told_twice() -> None:
    assert [key for key, count in Counter(row.key for row in SCENARIOS).items() if count > 1] == []


def test_the_healthy_host_has_all_seven_ports() -> None:
    assert {row.port for row in rows_of("healthy")} == set(PORTS)


def test_every_reason_that_a_connection_can_have_is_there() -> None:
    wanted = {reason for reason, state in STATE_OF.items() if state in (State.REJECTING, State.BROKEN)}
    wanted |= {Reason.CONNECTION_REFUSED, Reason.CONNECT_TIMEOUT}
    assert wanted - {row.reason for row in SCENARIOS} == set()


def test_every_starttls_port_is_stripped_and_every_tls_port_is_bare() -> None:
    starttls = {port for port, row in PORTS.items() if row.tls_mode is TlsMode.STARTTLS}
    assert {row.port for row in rows_of("starttls-missing")} == starttls
    assert {row.port for row in rows_of("tls-first")} == starttls
    assert {row.port for row in rows_of("plaintext")} == set(PORTS) - starttls


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError, match="no scenario of the farm is called nonsense"):
        rows_of("healthy", "nonsense")


def test_the_readme_counts_what_the_farm_has() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    states = Counter(row.state for row in SCENARIOS)
    told = ", ".join(f"{states[state]} {state}" for state in State if states[state])

    assert f"a farm of {len(SCENARIOS)} mail ports" in readme
    assert f"\n{len(SCENARIOS)} results: {told}, " in readme
