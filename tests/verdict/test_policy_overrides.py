"""Overrides of the policy: for a domain, a host or one port of a host."""

from dataclasses import replace

import pytest

from scanner.model.target import parse_target
from scanner.verdict import Policy
from scanner.verdict.rules import Override
from tests.verdict.observations import find, healthy, with_tls

MODERN = "ECDHE-RSA-AES256-GCM-SHA384"


def override(target: str, profile: str | None = None, min_tls: str | None = None) -> Override:
    return Override(parse_target(target), profile, min_tls)


@pytest.mark.parametrize(
    ("target", "is_meant"),
    [
        ("example.org", True),
        ("other.example", True),
        ("mail.example.org", True),
        ("Mail.Example.ORG.", True),
        ("mail.example.org:587", True),
        ("smtp://mail.example.org:587", True),
        ("smtps://mail.example.org:587", False),
        ("mail.example.org:993", False),
        ("example.org:587", False),
        ("mx.example.org", False),
        ("org", False),
    ],
)
def test_an_override_is_about_a_domain_a_host_or_one_port(target: str, is_meant: bool) -> None:
    """The target is written as in the list of targets."""
    endpoint = replace(healthy(587).endpoint, domains=("example.org", "other.example"))
    policy = Policy(overrides=(override("unrelated.example", "ncsc"), override(target, "pci")))

    assert policy.of(endpoint).profile == ("pci" if is_meant else "default")


@pytest.mark.parametrize(
    ("policy", "profile", "least"),
    [
        (
            Policy("ncsc", "TLSv1.1", overrides=(override("example.org", "mozilla-modern"),)),
            "mozilla-modern",
            "TLSv1.3",
        ),
        (Policy("ncsc", "TLSv1.1", overrides=(override("example.org", "pci"),)), "pci", "TLSv1.2"),
        (Policy("ncsc", "TLSv1.1", overrides=(override("example.org", None, "TLSv1.3"),)), "ncsc", "TLSv1.3"),
        (Policy(overrides=(override("example.org", "pci", "TLSv1.3"),)), "pci", "TLSv1.3"),
        (Policy("ncsc", "TLSv1.1"), "ncsc", "TLSv1.1"),
        (
            Policy(overrides=(override("mail.example.org", "pci"), override("example.org", "ncsc"))),
            "pci",
            "TLSv1.2",
        ),
        (
            Policy(overrides=(override("example.org", "ncsc"), override("mail.example.org:993", "pci"))),
            "ncsc",
            "TLSv1.2",
        ),
    ],
)
def test_the_first_override_counts_and_brings_its_oldest_version(
    policy: Policy, profile: str, least: str
) -> None:
    """A profile for one target does not inherit the `min_tls` of all others."""
    found = policy.of(healthy(993).endpoint)

    assert (found.profile, found.least_tls) == (profile, least)


def test_an_override_keeps_the_days_before_an_end() -> None:
    """Only what it names is changed."""
    policy = Policy(certificate_warning_days=5, overrides=(override("example.org", "pci"),))

    assert policy.of(healthy(993).endpoint).certificate_warning_days == 5


def test_the_judge_goes_by_the_override() -> None:
    """One target is held against a profile, the others against the default."""
    policy = Policy(overrides=(override("mail.example.org:993", "mozilla-modern"),))

    assert find(with_tls(993, "TLSv1.2", MODERN), "tls_version_below_policy", policy) is not None
    assert find(with_tls(995, "TLSv1.2", MODERN), "tls_version_below_policy", policy) is None


@pytest.mark.parametrize(
    ("profile", "min_tls", "said"), [("x", None, "^profile: "), (None, "x", "^min_tls: ")]
)
def test_an_override_that_makes_no_sense(profile: str | None, min_tls: str | None, said: str) -> None:
    """It is told when the policy is made, not when it is used."""
    with pytest.raises(ValueError, match=said):
        Policy(overrides=(override("example.org", profile, min_tls),))
