"""The rules about the stapled OCSP response: revoked, missing though demanded, of no use."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scanner.model import Dane, DaneMatch, DaneStatus, Expectation, Observation, Severity, StsMode, StsPolicy
from scanner.model.observation import OcspStaple
from scanner.verdict import Policy, level_of, works
from scanner.verdict.demands import sts_fault
from tests.verdict.observations import NOW, find, judged, with_certificate

IDS = ("certificate_revoked", "ocsp_staple_missing", "ocsp_staple_invalid")
GOOD = OcspStaple("good", NOW - timedelta(hours=1), NOW + timedelta(days=3), is_verified=True)
C, W, N = Severity.CRITICAL, Severity.WARNING, Severity.NOTICE


def with_staple(port: int, staple: OcspStaple | None, *, demands_staple: bool = False) -> Observation:
    return with_certificate(port, ocsp=staple, demands_staple=demands_staple)


def told(observation: Observation, policy: Policy | None = None) -> dict[str, Severity]:
    """Return which of the rules tell something, and how much it weighs."""
    found = {name: find(observation, name, policy) for name in IDS}
    return {name: verdict.severity for name, verdict in found.items() if verdict is not None}


def changed(**changes: Any) -> OcspStaple:
    return replace(GOOD, **changes)


def test_none_is_no_matter_unless_one_is_demanded() -> None:
    assert told(with_staple(993, None)) == {}
    assert told(with_staple(993, None, demands_staple=True)) == {"ocsp_staple_missing": W}
    assert told(with_staple(25, None, demands_staple=True)) == {"ocsp_staple_missing": N}
    assert told(with_staple(993, GOOD, demands_staple=True)) == {}
    assert told(with_staple(993, GOOD)) == {}


@pytest.mark.parametrize(
    ("staple", "words"),
    [
        (changed(is_stale=True), "is out of its time"),
        (changed(is_verified=False), "is not signed by the issuer or for it"),
        (changed(status="unknown"), "calls the certificate unknown"),
        (changed(status="revoked", is_verified=False), "not signed by the issuer or for it and calls"),
        (OcspStaple("unreadable"), "says nothing of this certificate"),
    ],
)
def test_one_of_no_use_matters_where_one_is_demanded(staple: OcspStaple, words: str) -> None:
    assert told(with_staple(993, staple)) == {"ocsp_staple_invalid": N}
    assert told(with_staple(25, staple)) == {"ocsp_staple_invalid": N}
    assert told(with_staple(25, staple, demands_staple=True)) == {"ocsp_staple_invalid": N}
    demanded = with_staple(993, staple, demands_staple=True)
    assert told(demanded) == {"ocsp_staple_invalid": W}
    verdict = find(demanded, "ocsp_staple_invalid")
    assert verdict is not None
    assert words in verdict.summary
    assert "demands one" in verdict.summary


def test_what_cannot_be_checked_is_not_blamed() -> None:
    """The issuer was not sent, or signs in a way that we cannot verify: the staple may be as good as any."""
    assert told(with_staple(993, changed(is_verified=None), demands_staple=True)) == {}
    unproven = with_staple(993, changed(status="revoked", is_verified=None))
    assert told(unproven) == {"ocsp_staple_invalid": N}
    assert level_of(unproven) == 4


@pytest.mark.parametrize("is_stale", [False, True])
def test_a_revocation_that_the_issuer_vouches_for_is_final(is_stale: bool) -> None:
    revoked = changed(status="revoked", is_stale=is_stale)
    assert told(with_staple(993, revoked)) == {"certificate_revoked": C}
    assert told(with_staple(993, revoked, demands_staple=True)) == {"certificate_revoked": C}
    assert told(with_staple(25, revoked)) == {"certificate_revoked": N}
    assert told(with_staple(25, revoked), Policy(profile="pci")) == {"certificate_revoked": W}
    assert find(with_staple(993, revoked), "certificate_untrusted") is None


def test_a_revoked_certificate_does_not_verify() -> None:
    observation = judged(with_staple(993, changed(status="revoked")))
    assert level_of(observation) == 2
    assert not works(observation)
    assert works(judged(with_staple(25, changed(status="revoked"))))


def test_a_sender_need_not_look_for_revocation() -> None:
    """RFC 8461 section 4.2 leaves it to the sender, so it is no violation of the policy."""
    policy = StsPolicy(StsMode.ENFORCE, ("mail.example.org",), 86400)
    assert sts_fault(with_staple(25, changed(status="revoked")), policy) is None


@pytest.mark.parametrize("staple", [None, changed(status="revoked"), changed(is_stale=True)])
def test_where_dane_vouches_for_the_key_no_staple_matters(staple: OcspStaple | None) -> None:
    observation = with_staple(25, staple, demands_staple=True)
    expectation = Expectation(dane=Dane(DaneStatus.SECURE))
    vouched = replace(
        observation, endpoint=replace(observation.endpoint, expectation=expectation), dane=DaneMatch.EE
    )
    assert told(vouched) == {}
