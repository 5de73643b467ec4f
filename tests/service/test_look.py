"""One look for advice: what our own network hides is held back until the controls have spoken."""

from dataclasses import replace

import pytest

from scanner.config import Settings, default_settings, override
from scanner.explain import Complaint
from scanner.explain.diagnosis import diagnose
from scanner.explain.suspicion import Case
from scanner.model import Reason
from scanner.model.target import parse_target
from scanner.service.look import Look, look_at
from scanner.service.parts import build_parts
from tests.service.test_controls import CONTROLS, TARGET, PretendedProber
from tests.service.test_scan_controls import Kept


@pytest.fixture
def settings() -> Settings:
    changes = {
        "controls.ports": {"25": list(CONTROLS)},
        "controls.https": [],
        "controls.dark": None,
        "limits.rate": 0,
        "limits.per_address_gap": 0,
        "resolver.servers": ["127.0.0.1:9"],
    }
    return override(default_settings([parse_target(f"{TARGET}:25")]), changes)


@pytest.mark.parametrize(
    ("is_ours", "reason", "cause"),
    [(True, Reason.EGRESS_BLOCKED, "egress_blocked"), (False, Reason.CONNECT_TIMEOUT, "port_blocked")],
)
async def test_our_own_network_and_the_targets_are_told_apart(
    settings: Settings, is_ours: bool, reason: Reason, cause: str
) -> None:
    """S39: the controls decide whose filter it is, and with it the first cause."""
    prober, kept, look = PretendedProber(), Kept(), Look()
    prober.reasons |= dict.fromkeys((TARGET, *CONTROLS) if is_ours else (TARGET,), Reason.CONNECT_TIMEOUT)
    await look_at(settings, replace(build_parts(settings), prober=prober), kept, look)
    (seen,) = look.latest.values()
    assert seen.reason is reason
    assert kept.reasons == [reason]
    suspect = diagnose(Complaint.TIMEOUT, Case((seen,)))[0]
    assert (suspect.id, bool(suspect.pro)) == (cause, True)


async def test_a_look_knows_the_domain_that_it_looked_at(settings: Settings) -> None:
    look = Look()
    await look_at(settings, replace(build_parts(settings), prober=PretendedProber()), Kept(), look)
    facts = look.facts_of(TARGET)
    assert facts is not None
    assert [member.key for member in facts.members] == list(look.latest)
    assert look.facts_of("elsewhere.test") is None
    assert look.findings_of(TARGET) == ()
