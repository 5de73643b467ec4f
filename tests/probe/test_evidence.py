"""What was learnt before a probe broke off is kept, with the time of every phase that was finished."""

import pytest

from scanner.demo import SCENARIOS, Scenario
from scanner.model import Observation, Phase
from tests.probe.conftest import Pass
from tests.probe.probing import MORE

# scenario, port, what must be there, the phases that must be there beside connect
KEPT = [
    ("greeting-554", 25, ("banner", "detail"), ("greeting", "quit")),
    ("greeting-421", 25, ("banner", "detail"), ("greeting",)),
    ("imap-bye", 143, ("banner", "detail"), ("greeting",)),
    ("pop3-err", 110, ("banner", "detail"), ("greeting",)),
    ("lost-after-ehlo", 25, ("banner",), ("greeting",)),
    ("reset-after-ehlo", 25, ("banner",), ("greeting",)),
    ("mute-after-ehlo", 25, ("banner",), ("greeting",)),
    ("plaintext", 465, ("banner", "detail"), ()),
    ("plaintext", 993, ("banner", "detail"), ()),
    ("plaintext", 995, ("banner", "detail"), ()),
    ("starttls-cut", 587, ("banner", "hello", "capabilities", "starttls"), ("greeting", "capabilities")),
    *(
        (name, 587, ("banner", "capabilities", "starttls"), ("greeting", "capabilities", "starttls"))
        for name in (
            "starttls-garbage",
            "starttls-alert",
            "starttls-close",
            "starttls-drop",
            "starttls-reset",
            "starttls-silence",
        )
    ),
    ("expired-554", 465, ("banner", "detail", "tls", "certificate"), ("tls", "greeting", "quit")),
    ("mute-in-tls", 465, ("banner", "tls", "certificate"), ("tls", "greeting")),
    ("bye-in-tls", 993, ("banner", "detail", "tls", "certificate"), ("tls", "greeting")),
    ("flood-in-tls", 465, ("banner", "detail", "tls", "certificate"), ("tls", "greeting")),
]

# problem of the certificate, by scenario
PROBLEMS = {
    "cert-expiring": (),
    "cert-expired": ("expired",),
    "cert-future": ("not_yet_valid",),
    "cert-self": ("self_signed",),
    "cert-other": ("name_mismatch",),
    "cert-unknown": ("untrusted",),
    "cert-chain": ("untrusted",),
    "cert-weak": ("weak_key",),
    "expired-554": ("expired",),
}


def row_of(name: str, port: int) -> Scenario:
    return next(row for row in (*SCENARIOS, *MORE) if (row.name, row.port) == (name, port))


def has(observation: Observation, name: str) -> bool:
    return getattr(observation, name) is not None


@pytest.mark.parametrize(("name", "port", "kept", "phases"), KEPT, ids=str)
def test_a_broken_off_probe_keeps_what_it_saw(
    farm_pass: Pass, name: str, port: int, kept: tuple[str, ...], phases: tuple[str, ...]
) -> None:
    observation = farm_pass.of(row_of(name, port))
    assert [field for field in kept if not has(observation, field)] == []
    assert set(observation.phases) == {Phase.CONNECT, *map(Phase, phases)}


def test_a_reset_is_told_in_the_systems_words(farm_pass: Pass) -> None:
    for name, port in (("reset-after-ehlo", 25), ("starttls-reset", 587)):
        assert farm_pass.of(row_of(name, port)).detail == "Connection reset by peer (ECONNRESET)"


@pytest.mark.parametrize(("name", "problems"), PROBLEMS.items())
def test_a_bad_certificate_is_described_all_the_same(
    farm_pass: Pass, name: str, problems: tuple[str, ...]
) -> None:
    scenario = next(row for row in (*SCENARIOS, *MORE) if row.name == name)
    certificate = farm_pass.of(scenario).certificate
    assert certificate is not None
    assert set(problems) <= set(certificate.problems)
    assert certificate.trusted == (name not in {"cert-self", "cert-unknown", "cert-chain"})
    assert certificate.name_matches == (name != "cert-other")
    assert certificate.chain_length >= 1
    assert len(certificate.fingerprint_sha256.replace(":", "")) == 64


def test_nothing_is_made_up_where_nothing_was_seen(farm_pass: Pass) -> None:
    for name, port in (("refused", 587), ("blocked", 25), ("mute", 25), ("close", 25), ("reset", 25)):
        observation = farm_pass.of(row_of(name, port))
        seen = ("banner", "software", "capabilities", "capabilities_tls", "starttls", "tls", "certificate")
        assert [field for field in seen if has(observation, field)] == []
        is_connected = name in {"mute", "close", "reset"}
        assert set(observation.phases) == ({Phase.CONNECT} if is_connected else set())
        assert observation.bytes_read == 0


@pytest.mark.parametrize("port", [25, 587, 143, 110])
def test_a_whole_conversation_has_every_phase(farm_pass: Pass, port: int) -> None:
    observation = farm_pass.of(row_of("healthy", port))
    assert set(observation.phases) == set(Phase) - {Phase.DNS}
    assert all(seconds > 0 for seconds in observation.phases.values())
    assert sum(observation.phases.values()) <= observation.duration
    assert observation.starttls is not None
    assert observation.starttls.offered


@pytest.mark.parametrize("port", [465, 993, 995])
def test_implicit_tls_has_no_phases_in_clear(farm_pass: Pass, port: int) -> None:
    observation = farm_pass.of(row_of("healthy", port))
    in_clear = {Phase.DNS, Phase.CAPABILITIES, Phase.STARTTLS}
    assert set(observation.phases) == set(Phase) - in_clear
    assert observation.capabilities is None
    assert observation.starttls is None
    assert observation.level == 4


@pytest.mark.parametrize(
    ("name", "version"), [("tls10-only", "TLSv1.0"), ("tls12-only", "TLSv1.2"), ("tls13-only", "TLSv1.3")]
)
def test_the_tls_version_is_measured_not_demanded(farm_pass: Pass, name: str, version: str) -> None:
    tls = farm_pass.of(row_of(name, 465)).tls
    assert tls is not None
    assert tls.version == version
    assert tls.cipher
