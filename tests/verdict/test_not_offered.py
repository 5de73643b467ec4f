"""A port that its provider does not offer: its absence is a notice, and nobody is woken."""

from dataclasses import replace

import pytest

from scanner.discovery import Catalogue
from scanner.model import Expectation, Kind, Observation, Reason, Service, Severity
from scanner.verdict import is_blocked
from tests.verdict.observations import ended, judged


def absent(reason: Reason, *, not_offered: bool) -> Observation:
    seen = ended(465, reason=reason)
    expectation = Expectation(provider="microsoft-365", not_offered=not_offered)
    return judged(replace(seen, endpoint=replace(seen.endpoint, expectation=expectation)))


@pytest.mark.parametrize(
    "reason", [Reason.CONNECT_TIMEOUT, Reason.ADMIN_PROHIBITED, Reason.CONNECTION_REFUSED]
)
def test_what_is_not_offered_is_not_missed(reason: Reason) -> None:
    seen = absent(reason, not_offered=True)
    (verdict,) = seen.verdicts
    assert (verdict.kind, verdict.severity) == (Kind.NOTICE, Severity.NOTICE)
    assert verdict.summary.endswith("microsoft-365 says that it does not offer this port.")
    assert not is_blocked(seen)


def test_what_is_offered_is_missed() -> None:
    seen = absent(Reason.CONNECT_TIMEOUT, not_offered=False)
    assert [(verdict.id, verdict.severity) for verdict in seen.verdicts] == [
        ("port_blocked", Severity.WARNING)
    ]
    assert is_blocked(seen)


@pytest.mark.parametrize(("port", "expected"), [(465, True), (587, False)])
def test_microsoft_has_no_465(port: int, expected: bool) -> None:
    expectation = Catalogue().expectation("smtp.office365.com", port, Service.SUBMISSION)
    assert expectation is not None
    assert expectation.not_offered is expected
