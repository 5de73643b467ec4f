"""Proof: which observations of a guessed server make it one of the domain's."""

from dataclasses import replace

import pytest

from scanner.model import Observation, Proof, Reason
from scanner.verdict import is_proven
from tests.verdict.observations import healthy


def guessed(proof: Proof, **changes: object) -> Observation:
    seen = healthy(587)
    return replace(seen, endpoint=replace(seen.endpoint, proof=proof), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", [None, *Reason])
def test_what_is_no_guess_needs_no_proof(reason: Reason | None) -> None:
    assert is_proven(guessed(Proof.NONE, reason=reason, banner=None, certificate=None))


@pytest.mark.parametrize("reason", [None, Reason.GREETING_REJECTED, Reason.IMAP_BYE, Reason.POP3_ERR])
def test_who_greets_or_turns_us_away_in_the_protocol_is_proven(reason: Reason | None) -> None:
    assert is_proven(guessed(Proof.GREETING, reason=reason))


@pytest.mark.parametrize("reason", [Reason.CONNECTION_LOST, Reason.TLS_HANDSHAKE_FAILED, Reason.READ_TIMEOUT])
def test_what_breaks_after_the_greeting_is_proven(reason: Reason) -> None:
    assert is_proven(guessed(Proof.GREETING, reason=reason))
    assert not is_proven(guessed(Proof.GREETING, reason=reason, banner=None))


@pytest.mark.parametrize(
    "reason", [Reason.CONNECT_TIMEOUT, Reason.CONNECTION_REFUSED, Reason.NO_GREETING, Reason.TLS_TIMEOUT]
)
def test_silence_proves_nothing(reason: Reason) -> None:
    assert not is_proven(guessed(Proof.GREETING, reason=reason, banner=None))


def test_another_protocol_proves_nothing() -> None:
    assert not is_proven(guessed(Proof.GREETING, reason=Reason.WRONG_PROTOCOL, banner="SSH-2.0-OpenSSH"))


def test_a_name_from_a_wildcard_has_to_show_a_certificate_for_it() -> None:
    seen = guessed(Proof.CERTIFICATE)
    assert seen.certificate is not None
    assert is_proven(seen)
    other = replace(seen.certificate, name_matches=False)
    assert not is_proven(replace(seen, certificate=other))
    assert not is_proven(replace(seen, certificate=None))
    assert not is_proven(replace(seen, reason=Reason.NO_GREETING, banner=None))
