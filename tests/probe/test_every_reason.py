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
    Reason.EGRESS_BLOCKED: "network/test_egress.py",
    Reason.EGRESS_INTERCEPTED: "network/test_egress.py",
    Reason.TARGET_BLOCKS_US: "verdict/test_vantages.py",
    Reason.PROBE_RESOURCES: "probe/test_our_own_faults.py",
    Reason.INTERNAL: "probe/test_our_own_faults.py",
    Reason.NAME_NOT_FOUND: "discovery/test_plan.py",
    Reason.DNS_FAILURE: "discovery/test_plan.py",
    Reason.NO_ADDRESS: "discovery/test_plan.py",
    Reason.ADDRESS_NOT_ALLOWED: "discovery/test_plan.py",
    Reason.SKIPPED: "discovery/test_plan.py",
    Reason.EXCLUDED: "discovery/test_excluded.py",
    Reason.NULL_MX: "discovery/test_plan_domains.py",
    Reason.SRV_NOT_OFFERED: "discovery/test_plan_domains.py",
}


def test_no_reason_is_without_a_test() -> None:
    assert set(Reason) == BY_THE_FARM | BY_OTHER_TESTS.keys()
    assert not BY_THE_FARM & BY_OTHER_TESTS.keys()


@pytest.mark.parametrize(("reason", "file"), BY_OTHER_TESTS.items())
def test_the_test_that_the_table_names_looks_for_the_reason(reason: Reason, file: str) -> None:
    assert f"Reason.{reason.name}" in (TESTS / file).read_text("utf-8")
