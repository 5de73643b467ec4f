"""The three complaints: which cause the evidence puts first, and what speaks for and against each."""

from dataclasses import replace

import pytest

from scanner.discovery import Catalogue
from scanner.explain import Complaint
from scanner.explain.diagnosis import diagnose
from scanner.explain.suspicion import Case, Standing, Suspect
from scanner.model import Observation, Reason
from tests.explain.test_compare import HOST, held
from tests.verdict.test_recommendation import bad, good

TIMEOUT, AUTHENTICATION, SYNC = Complaint.TIMEOUT, Complaint.AUTHENTICATION, Complaint.SYNC


def first(complaint: Complaint, case: Case) -> Suspect:
    return diagnose(complaint, case)[0]


def of(complaint: Complaint, case: Case, cause: str) -> Suspect:
    return next(suspect for suspect in diagnose(complaint, case) if suspect.id == cause)


def saying(*mechanisms: str, port: int = 587) -> Observation:
    return replace(good(port), auth_before_tls=(), auth_after_tls=mechanisms)


@pytest.mark.parametrize(
    ("case", "cause"),
    [
        (Case((bad(587, Reason.EGRESS_BLOCKED), good(993)), port=587), "egress_blocked"),
        (Case((replace(bad(587), is_egress_clear=True), good(993))), "port_blocked"),
        (Case((good(465),), held(f"{HOST}:465:starttls")), "wrong_tls_mode"),
        (Case((bad(993), bad(587))), "port_blocked"),
        (Case((good(465),), held("other.example.net:465:ssl")), "server_mismatch"),
        (Case((good(587),), held(f"{HOST}:25:starttls")), "egress_blocked"),
    ],
)
def test_why_a_connection_times_out(case: Case, cause: str) -> None:
    """S39: our own egress, a firewall at the target, the wrong encryption."""
    suspect = first(TIMEOUT, case)
    assert suspect.id == cause
    assert suspect.pro


def test_the_evidence_against_a_cause_is_told_too() -> None:
    case = Case((replace(bad(587), is_egress_clear=True), good(993)), port=587)
    own = of(TIMEOUT, case, "egress_blocked")
    assert own.standing is Standing.UNLIKELY
    assert "our network lets it out" in own.contra[0]
    down = of(TIMEOUT, case, "host_down")
    assert (down.standing, down.contra) == (Standing.UNLIKELY, (f"{HOST}:993 works.",))


def test_port_25_is_suspect_by_itself() -> None:
    suspect = of(TIMEOUT, Case((good(587),), port=25), "egress_blocked")
    assert suspect.standing is Standing.LIKELY
    assert "block port 25" in suspect.pro[0]


def test_a_refusal_speaks_against_whoever_drops_packets() -> None:
    refused = Case((bad(587, Reason.CONNECTION_REFUSED),), told=frozenset({"connection_refused"}))
    for cause in ("egress_blocked", "port_blocked"):
        suspect = of(TIMEOUT, refused, cause)
        assert suspect.standing is Standing.UNLIKELY
        assert any("a refusal came back" in text for text in suspect.contra)


GMAIL, ZOHO = Catalogue().get("gmail"), Catalogue().get("zoho")


@pytest.mark.parametrize(
    ("case", "cause"),
    [
        (Case((saying("PLAIN", "LOGIN"),), told=frozenset({"auth_failed"})), "wrong_credentials"),
        (Case((saying("PLAIN"),), provider=GMAIL), "app_password_required"),
        (Case((saying("XOAUTH2"),), told=frozenset({"auth_failed"})), "app_password_required"),
        (Case((saying(),), told=frozenset({"auth_failed"})), "auth_disabled"),
        (Case((saying("PLAIN"),), told=frozenset({"auth_disabled"})), "auth_disabled"),
        (Case((saying("PLAIN"),), held(f"{HOST}:587:none")), "encryption_required"),
        (Case((saying("PLAIN"),), held("other.example.net:587:starttls")), "server_mismatch"),
    ],
)
def test_why_a_sign_in_fails(case: Case, cause: str) -> None:
    """S40: wrong password, app password needed, SMTP AUTH disabled; and what else leads to the same reply."""
    suspect = first(AUTHENTICATION, case)
    assert suspect.id == cause
    assert suspect.pro


def test_a_provider_that_takes_passwords_speaks_against_an_app_password() -> None:
    suspect = of(AUTHENTICATION, Case((saying("PLAIN"),), provider=ZOHO), "app_password_required")
    assert suspect.contra == ("Zoho Mail takes the mailbox's own password.",)


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        (f"{HOST}:143:starttls", "wrong_port"),
        (f"{HOST}:993:none", "wrong_tls_mode"),
        ("other.example.net:993:ssl", "server_mismatch"),
        (f"{HOST}:995:ssl", "use_imap"),
    ],
)
def test_why_mail_does_not_sync(settings: str, cause: str) -> None:
    """S41: wrong port, encryption off, another server; and POP3."""
    comparison = held(settings)
    suspect = first(SYNC, Case(comparison.here, comparison))
    assert suspect.id == cause
    assert suspect.standing is Standing.LIKELY


def test_imap_itself_may_be_what_fails() -> None:
    suspect = first(SYNC, Case((bad(993), good(143))))
    assert suspect.id == "imap_failing"
    good_one = of(SYNC, Case((good(993),)), "imap_failing")
    assert good_one.standing is Standing.UNLIKELY


@pytest.mark.parametrize("complaint", list(Complaint))
def test_without_evidence_nothing_is_called_likely(complaint: Complaint) -> None:
    suspects = diagnose(complaint, Case(()))
    assert {suspect.standing for suspect in suspects} == {Standing.POSSIBLE}
    assert not [suspect for suspect in suspects if suspect.pro or suspect.contra]
    assert len({suspect.id for suspect in suspects}) == len(suspects) >= 4
    assert any("--config" in suspect.mend for suspect in suspects)
