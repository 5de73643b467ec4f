"""`mailport explain`: ports and pasted errors, as its users type them."""

import json

import pytest

from tests.cli.command import run


def test_a_port_is_explained_to_people_and_programs() -> None:
    text, shown = run("explain", 587), run("explain", "587", "--format", "json")
    assert (text.status, shown.status) == (0, 0)
    assert "recommended" in text.stdout
    assert "STARTTLS" in text.stdout
    record = json.loads(shown.stdout)
    assert (record["kind"], record["port"], record["protocol"], record["tls_mode"]) == (
        "port",
        587,
        "smtp",
        "starttls",
    )
    assert record["standing"] == "recommended"


@pytest.mark.parametrize("spelling", ["port 993", "993/tcp", " 993 ", "Port 993"])
def test_a_port_may_be_written_as_people_do(spelling: str) -> None:
    outcome = run("explain", spelling)
    assert outcome.status == 0
    assert "IMAPS" in outcome.stdout


def test_a_port_that_mail_does_not_use_is_told_so() -> None:
    outcome = run("explain", "4444")
    assert outcome.status == 1
    assert outcome.problem.startswith("port 4444 is none that mail is known to use")


def test_three_digits_of_a_reply_are_no_port() -> None:
    assert "User name or password not accepted" in run("explain", "535").stdout


def test_an_error_is_explained_with_causes_in_order() -> None:
    outcome = run("explain", "554 5.7.1 <x@example.net>: Relay access denied")
    assert outcome.status == 0
    assert outcome.stdout.startswith("Relay denied  relay_denied\n")
    places = [outcome.stdout.index(f" {number}. ") for number in (1, 2, 3, 4)]
    assert places == sorted(places)
    record = json.loads(run("explain", "--format", "json", "Connection timed out").stdout)
    assert record["known"] is True
    assert record["explanation"]["id"] == "connection_timed_out"
    assert [set(cause) for cause in record["explanation"]["causes"]] == [{"cause", "tell", "mend"}] * 4


@pytest.mark.parametrize("number", ["0", "65536", "99999"])
def test_a_number_that_is_no_port_is_told_so(number: str) -> None:
    outcome = run("explain", number)
    assert outcome.status == 1
    assert f"{number} is no port (1 to 65535)" in outcome.stderr


def test_words_need_no_quotes_and_may_come_by_a_pipe() -> None:
    typed = run("explain", "unable", "to", "verify", "the", "first", "certificate")
    piped = run("explain", "-", stdin="x\ny\nError: unable to verify the first certificate\n")
    assert typed.stdout.splitlines()[0] == piped.stdout.splitlines()[0]
    assert "certificate_incomplete" in typed.stdout


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_unknown_text_is_told_so(form: str) -> None:
    outcome = run("explain", "the printer is out of paper", "--format", form)
    assert outcome.status == 1
    assert "nothing in this text is known" in outcome.stderr
    if form == "json":
        assert json.loads(outcome.stdout)["known"] is False
    else:
        assert outcome.stdout == ""


def test_nothing_to_explain_is_a_mistake_of_usage() -> None:
    for arguments in ((), ("",), ("  ", " ")):
        outcome = run("explain", *arguments)
        assert outcome.status == 2
        assert outcome.problem.startswith("nothing to explain")


def test_it_reads_well_at_80_columns() -> None:
    outcome = run("explain", "535 5.7.8 Error: authentication failed", env={"COLUMNS": "80"})
    lines = outcome.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert not [line for line in lines if line != line.rstrip()]


def test_nothing_of_a_text_reaches_the_terminal_raw() -> None:
    outcome = run(
        "explain", "-", stdin=b"\x1b[31m535 5.7.8\x07 \xff\x9b Error\x1b]0;x\x07: Authentication failed"
    )
    assert outcome.status == 0
    assert outcome.stdout.replace("\n", "").isprintable()


def test_an_endless_text_ends() -> None:
    outcome = run("explain", "-", stdin=b"535 5.7.8 authentication failed " * 200_000)
    assert outcome.status == 0
    assert "left out" in outcome.stdout
