"""The table of docs/guide-coverage.md: every statement is there, and what it names exists and holds."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.config import default_settings
from scanner.explain import read_explanations, read_ports
from scanner.model import PORTS
from scanner.model.record import schema
from scanner.verdict import Policy
from tests.verdict.observations import find, in_clear
from tests.verdict.test_stripping_rules import NOT_OFFERED

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "guide-coverage.md").read_text("utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text("utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text("utf-8")
ROW = re.compile(r"\| (S[0-9]{2}) \| (.+?) \| (.+?) \| (.+?) \|")
COMMANDS = {"scan", "serve", "advise", "explain", "accounts"}


@dataclass(frozen=True, slots=True)
class Row:
    says: str
    done_by: str
    test: str


ROWS = {found[1]: Row(found[2], found[3], found[4]) for found in ROW.finditer(DOCUMENT)}


def names_of_tests() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_every_statement_of_the_guide_has_its_row() -> None:
    assert list(ROWS) == [f"S{number:02}" for number in range(1, 49)]


def test_every_test_that_is_named_exists() -> None:
    named = {row.test.strip("`") for row in ROWS.values()}
    assert named <= names_of_tests()


def test_what_does_it_exists() -> None:
    known = set(schema()["$defs"]["verdict"]["properties"]["id"]["enum"])
    known |= {entry.id for entry in read_explanations()}
    for statement, row in ROWS.items():
        for word in re.findall(r"`([^`]+)`", row.done_by):
            command = re.match(r"mailport (\w+)", word)
            if command is not None:
                assert command[1] in COMMANDS, statement
            elif word.startswith("mailport_"):
                assert f"| `{word}`" in METRICS, (statement, word)
            elif "." in word:
                assert f"| `{word}` |" in CONFIGURATION, (statement, word)
            elif not word.isdigit() and word not in {"submission", "mx", "avg_over_time"}:
                assert word in known, (statement, word)


def test_no_statement_waits_for_what_is_not_there() -> None:
    assert len(ROWS) == 48
    assert "not yet there" not in DOCUMENT


def test_the_port_table_of_the_guide() -> None:
    """S02, S20: one source of truth, and this document says the same."""
    rows = re.findall(r"\| ([0-9]+) \| (\w+) \| (\w+) \| ([\w ]+) \|", DOCUMENT)
    assert rows == [
        (str(row.number), row.protocol.value, row.tls_mode.value, row.standing.value)
        for row in PORTS.values()
    ]


def test_the_seven_ports_are_the_default() -> None:
    """S21."""
    assert set(default_settings(()).ports) == set(PORTS) == {25, 465, 587, 143, 993, 110, 995}


def test_the_default_policy_asks_for_tls_1_2() -> None:
    """S32."""
    settings = default_settings(()).policy
    assert Policy(settings.profile, settings.min_tls).least_tls == "TLSv1.2"
    assert settings.overrides == ()


@pytest.mark.parametrize("port", [587, 143, 110])
def test_plain_text_lays_three_things_open(port: int) -> None:
    """S29."""
    verdict = find(in_clear(port, NOT_OFFERED, capabilities=("SIZE 1",)), "starttls_missing")
    assert verdict is not None
    assert "passwords, messages and attachments travel in clear" in verdict.summary


@pytest.mark.parametrize("port", [25, 143, 110])
def test_the_risks_of_insecure_ports_are_told(port: int) -> None:
    """S30: failing sign-ins, blocked connections, spam, and what can be read along."""
    risk = read_ports()[port].risk
    assert risk is not None
    assert "sign-ins" in risk
    assert re.search("[Bb]lock", risk)
    assert ("spam" in risk) if port == 25 else ("password" in risk)


def test_secure_ports_have_no_such_risk() -> None:
    assert {port for port, facts in read_ports().items() if facts.risk is not None} == {25, 143, 110}
