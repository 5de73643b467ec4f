"""Every reason that this product can give is reached by some test; this table says by which."""

from pathlib import Path

import pytest

from scanner.demo import SCENARIOS
from scanner.model import Reason

TESTS = Path(__file__).parents[1]
BY_THE_FARM = {scenario.reason for scenario in SCENARIOS} - {None}
BY_OTHER_TESTS = {
    Reason.ADMIN_PROHIBITED: "network/test_filters.py",
    Reason.HOST_UNREACHABLE: "network/test_filters.py",
    Reason.NETWORK_UNREACHABLE: "network/test_filters.py",
    Reason.EGRESS_BLOCKED: "network/test_filters.py",
    Reason.PROBE_RESOURCES: "probe/test_our_own_faults.py",
    Reason.INTERNAL: "probe/test_our_own_faults.py",
    Reason.NAME_NOT_FOUND: "discovery/test_plan.py",
    Reason.DNS_FAILURE: "discovery/test_plan.py",
    Reason.NO_ADDRESS: "discovery/test_plan.py",
    Reason.ADDRESS_NOT_ALLOWED: "discovery/test_plan.py",
    Reason.SKIPPED: "discovery/test_plan.py",
    Reason.NULL_MX: "discovery/test_plan_domains.py",
    Reason.SRV_NOT_OFFERED: "discovery/test_plan_domains.py",
}
# What no part of the product looks for so far: control targets would show it.
NOT_YET_GIVEN = {Reason.EGRESS_INTERCEPTED}


def test_no_reason_is_without_a_test() -> None:
    assert set(Reason) == BY_THE_FARM | BY_OTHER_TESTS.keys() | NOT_YET_GIVEN
    assert not BY_THE_FARM & BY_OTHER_TESTS.keys()


@pytest.mark.parametrize(("reason", "file"), BY_OTHER_TESTS.items())
def test_the_test_that_the_table_names_looks_for_the_reason(reason: Reason, file: str) -> None:
    assert f"Reason.{reason.name}" in (TESTS / file).read_text("utf-8")


@pytest.mark.parametrize("reason", sorted(NOT_YET_GIVEN))
def test_what_is_not_yet_given_is_nowhere_in_the_lower_rooms(reason: Reason) -> None:
    """Whoever gives one of these reasons moves it up in the table, to its test."""
    rooms = TESTS.parent / "scanner"
    for room in ("network", "engine", "discovery", "probe", "protocol"):
        for file in (rooms / room).glob("*.py"):
            assert f"Reason.{reason.name}" not in file.read_text("utf-8"), file
