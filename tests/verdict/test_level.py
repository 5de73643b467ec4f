"""What a port is worth: level, works, blocked, downgraded."""

from dataclasses import replace
from datetime import timedelta

import pytest

from scanner.model import Observation, Reason, StartTls
from scanner.verdict import is_blocked, is_downgraded, level_of, works
from tests.verdict.observations import NOW, ended, healthy, in_clear, judged, with_certificate, with_tls

MODERN = "ECDHE-RSA-AES256-GCM-SHA384"
OPEN_PORTS = (25, 465, 587, 143, 993, 110, 995)
EXPIRED = {"not_after": NOW - timedelta(days=1), "problems": ("expired",)}
SELF_SIGNED = {"trusted": False, "problems": ("self_signed",)}
OTHER_NAME = {"name_matches": False, "problems": ("name_mismatch",)}


@pytest.mark.parametrize(
    ("observation", "level"),
    [
        *((ended(25, reason=reason), 0) for reason in Reason),
        (replace(healthy(465), reason=Reason.CONNECTION_LOST), 0),
        (in_clear(587, StartTls(offered=False)), 1),
        (in_clear(587, StartTls(offered=True, reply="454 no")), 1),
        (with_tls(993, "TLSv1.0", MODERN), 2),
        (with_tls(993, "TLSv1", MODERN), 2),
        (with_tls(993, "TLSv1.1", MODERN), 2),
        (with_certificate(993, **EXPIRED), 2),
        (with_certificate(993, problems=("not_yet_valid",)), 2),
        (with_certificate(993, **SELF_SIGNED), 2),
        (with_certificate(993, **OTHER_NAME), 2),
        (with_certificate(25, **SELF_SIGNED), 2),
        (replace(healthy(993), certificate=None), 2),
        (with_tls(993, "TLSv1.2", MODERN), 3),
        (with_tls(25, "TLSv1.2", MODERN), 3),
        (with_certificate(993, problems=("weak_signature",)), 4),
        *((healthy(port), 4) for port in OPEN_PORTS),
    ],
)
def test_level(observation: Observation, level: int) -> None:
    """The scale of the contract, 0 to 4."""
    assert level_of(observation) == level


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        *((healthy(port), True) for port in OPEN_PORTS),
        (with_certificate(25, **SELF_SIGNED), True),
        (with_certificate(25, **EXPIRED), True),
        (with_certificate(25, **OTHER_NAME), True),
        (with_tls(25, "TLSv1.0", MODERN), True),
        (with_tls(993, "TLSv1.2", MODERN), True),
        (replace(healthy(25), banner="220 " + "*" * 40), True),
        (replace(healthy(143), auth_before_tls=("PLAIN",)), True),
        (with_certificate(993, **SELF_SIGNED), False),
        (with_certificate(587, **EXPIRED), False),
        (with_certificate(110, **OTHER_NAME), False),
        (replace(healthy(993), certificate=None), False),
        (with_tls(993, "TLSv1.0", MODERN), False),
        (in_clear(25, StartTls(offered=False)), False),
        (in_clear(587, StartTls(offered=True, reply="454 no")), False),
        (replace(healthy(587), starttls=StartTls(offered=True, reply="220 go", extra_plaintext=1)), False),
        (replace(healthy(993), reason=Reason.CONNECTION_LOST), False),
        *((ended(993, reason=reason), False) for reason in Reason),
    ],
)
def test_works(observation: Observation, expected: bool) -> None:
    """A client can use the port as it is meant, TLS included; an MX may have any certificate."""
    assert works(judged(observation)) is expected


@pytest.mark.parametrize("reason", [None, *Reason])
def test_is_blocked(reason: Reason | None) -> None:
    """Silence and a filter's answer are a block; everything else, our own network included, is not."""
    expected = reason in {Reason.CONNECT_TIMEOUT, Reason.ADMIN_PROHIBITED}

    assert is_blocked(ended(25, reason=reason)) is expected


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (healthy(25), False),
        (in_clear(587, StartTls(offered=False)), False),
        (with_certificate(993, **EXPIRED), False),
        (ended(25, reason=Reason.CONNECT_TIMEOUT), False),
        (ended(25, reason=Reason.EGRESS_INTERCEPTED), False),
        (in_clear(587, StartTls(offered=False, masked=True)), True),
        (in_clear(587, StartTls(offered=True, reply="454 no")), True),
        (in_clear(587, StartTls(offered=True, reply="220 go"), reason=Reason.TLS_CLOSED), True),
        (in_clear(587, StartTls(offered=False), ehlo_reply="502 no"), True),
        (replace(healthy(587), starttls=StartTls(offered=True, reply="220 go", extra_plaintext=1)), True),
        (replace(healthy(25), banner="220 " + "*" * 40), True),
        (ended(465, reason=Reason.PLAINTEXT_ON_TLS_PORT), True),
        (with_tls(993, "TLSv1.0", MODERN), True),
    ],
)
def test_is_downgraded(observation: Observation, expected: bool) -> None:
    """The marks of stripping and a version below the policy; a weakness or a bad certificate alone is not."""
    assert is_downgraded(judged(observation)) is expected


def test_an_observation_not_judged_yet_is_not_downgraded() -> None:
    """Without verdicts nothing is claimed."""
    assert not is_downgraded(in_clear(587, StartTls(offered=False, masked=True)))
