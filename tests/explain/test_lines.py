"""Real lines of real programs get the explanation that belongs to them, however they are pasted."""

import pytest

from scanner.explain import Complaint, Reading, read_explanations, read_text
from tests.explain.lines import LINES

# The rules about log lines and settings, by the names that the facts of this project give them.
RULES = {
    "F40": (
        "relay_denied",
        ("550 5.7.1 <x@example.net>... Relaying denied", "554 5.7.1 Relay access denied", "relaying denied"),
    ),
    "F41": ("auth_failed", ("535 5.7.8", "535 5.7.3", "a NO [AUTHENTICATIONFAILED]", "-ERR [AUTH]")),
    "F42": ("app_password_required", ("534 5.7.9", "NO [ALERT] Application-specific password required")),
    "F43": (
        "auth_disabled",
        (
            "535 5.7.139",
            "SmtpClientAuthentication is disabled",
            "Basic authentication is disabled",
            "550 5.7.30",
        ),
    ),
    "F44": (
        "encryption_required",
        (
            "538 5.7.11",
            "530 5.7.0 Must issue STARTTLS",
            "-ERR Working without SSL/TLS is not allowed",
            "NO [PRIVACYREQUIRED]",
        ),
    ),
    "F45": ("mechanism_unsupported", ("504 5.5.4", "535 5.7.8 Authentication mechanism not supported")),
    "F46": ("wrong_port", ("Emails not syncing", "the IMAP port is wrong: wrong port")),
    "F47": ("ssl_not_enabled", ("SSL is not enabled", "Wrong encryption selected")),
    "F48": ("server_mismatch", ("Server mismatch", "Incorrect server name")),
    "F49": ("use_imap", ("mail disappears from my other devices", "POP3 does not sync")),
    "F50": ("autoconfig_unusable", ("autoconfig: HTTP 404", "Unable to find settings")),
}


def explain(text: str) -> str | None:
    best = read_text(text).best
    return None if best is None else best.explanation.id


@pytest.mark.parametrize(("line", "wanted"), LINES, ids=lambda value: value[:60])
def test_a_real_line_is_explained(line: str, wanted: str) -> None:
    assert explain(line) == wanted


@pytest.mark.parametrize(("line", "wanted"), LINES, ids=lambda value: value[:60])
def test_neither_case_nor_spacing_nor_one_line_matters(line: str, wanted: str) -> None:
    assert explain(line.upper()) == wanted
    assert explain(line.replace(" ", "   ")) == wanted
    assert explain(f"\t{line}\r\n\r\n") == wanted


def test_there_are_enough_lines_and_of_enough_kinds() -> None:
    assert len(LINES) >= 60
    assert len({line for line, _ in LINES}) == len(LINES)
    asked = {wanted for _, wanted in LINES} | {name for name, _ in RULES.values()}
    known = {entry.id for entry in read_explanations()}
    assert asked == known


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_about_log_lines_and_settings_holds(rule: str) -> None:
    wanted, lines = RULES[rule]
    assert [explain(line) for line in lines] == [wanted] * len(lines)


def test_the_most_precise_explanation_wins() -> None:
    """Of one reply: a phrase that tells why before one that tells what, and words before numbers."""
    disabled = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
    assert explain("SMTP connect() failed.") == "smtp_connect_failed"
    assert explain("SMTP connect() failed. Connection timed out (110)") == "connection_timed_out"
    assert explain("535") == "auth_failed"
    assert explain("535 5.7.139 Autenticação malsucedida") == "auth_disabled"
    assert explain(f"Error: Invalid login: {disabled}") == "auth_disabled"


def test_several_replies_of_one_text_are_all_explained() -> None:
    reading = read_text(
        "421 4.7.66 TLS 1.0 and 1.1 are not supported; then 554 5.7.1 <x@y>: Relay access denied"
    )
    assert {match.explanation.id for match in (reading.best, *reading.others) if match} == {
        "tls_version",
        "relay_denied",
    }
    assert [code.text for code in reading.codes] == ["421 4.7.66", "554 5.7.1"]


def test_the_three_complaints_are_recognised() -> None:
    complaints = {
        "Connection timed out": Complaint.TIMEOUT,
        "Authentication failed": Complaint.AUTHENTICATION,
        "Emails not syncing": Complaint.SYNC,
    }
    for words, complaint in complaints.items():
        best = read_text(words).best
        assert best is not None
        assert best.explanation.complaint is complaint


@pytest.mark.parametrize(
    "text",
    [
        "hello world",
        "192.0.2.7",
        "version 5.7.8-2 installed",
        "took 550 ms",
        "port 535",
        "line 554",
        "https://example.org/5.7.1/535",
        "[1234]",
        "...",
    ],
)
def test_what_is_no_error_is_not_known(text: str) -> None:
    reading = read_text(text)
    assert not reading.is_known
    assert reading.best is None


def test_a_code_that_no_entry_has_is_told_by_its_digits() -> None:
    reading: Reading = read_text("552 5.6.9 something odd")
    assert reading.best is None
    (code,) = reading.codes
    assert code.text == "552 5.6.9"
    assert "content of the message" in code.meaning
    assert "lasting failure" in code.meaning
