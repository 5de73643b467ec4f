"""docs/verdicts.md has every verdict, state and reason of the code, and says of them what the code does."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from scanner.model import STATE_OF, Kind, Observation, Reason, Severity, StartTls, State
from scanner.model.record import schema
from scanner.verdict.reason_advice import REASON_ADVICE, advise
from scanner.verdict.weight import weigh_reason
from tests.verdict.observations import (
    NOW,
    ended,
    healthy,
    in_clear,
    judged,
    with_certificate,
    with_tls,
)

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text("utf-8")
VERDICTS = schema()["$defs"]["verdict"]["properties"]["id"]["enum"]
NEVER_RAISED = "recommended_port_missing"


def rows_under(heading: str) -> list[list[str]]:
    """Return the cells of all tables under a heading, without the lines that head them."""
    section = re.split(r"^## ", DOCUMENTATION.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ROWS = {row[0].strip("`"): row[1:] for row in rows_under("Verdicts")}


def test_every_verdict_has_one_row() -> None:
    assert sorted(row[0].strip("`") for row in rows_under("Verdicts")) == sorted(VERDICTS)
    for name, (kind, on_mx, for_clients, meaning, advice) in ROWS.items():
        assert meaning
        assert advice
        if name != NEVER_RAISED:
            assert set(re.findall(r"\w+", kind)) & set(Kind), name
            assert on_mx or for_clients, name


def test_every_state_has_one_row() -> None:
    rows = rows_under("States")
    assert [row[0] for row in rows] == [f"`{state}`" for state in State]
    assert all(len(row) == 3 and all(row) for row in rows)


def test_every_reason_has_one_row_with_its_state() -> None:
    rows = rows_under("Reasons")
    assert [row[:2] for row in rows] == [[f"`{STATE_OF[reason]}`", f"`{reason}`"] for reason in Reason]
    assert all(len(row) == 4 and all(row) for row in rows)


def test_the_page_gives_the_advice_that_the_status_page_gives() -> None:
    told = {row[1].strip("`"): row[2:] for row in rows_under("Reasons")}
    for reason, counsel in REASON_ADVICE.items():
        assert told[reason] == [counsel.meaning, counsel.advice]
    for reason in set(Reason) - REASON_ADVICE.keys():
        (named,) = re.findall(r"`(\w+)`", told[reason][1])
        assert named in VERDICTS


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("port", [25, 587, 993, 110])
def test_every_reason_is_told_by_a_verdict_or_has_advice(reason: Reason, port: int) -> None:
    seen = judged(ended(port, reason=reason))
    severities = [verdict.severity for verdict in seen.verdicts]

    counsel = advise(reason, severities)
    if weigh_reason(reason, severities) is None:
        assert counsel is None
        assert seen.verdicts
    elif reason in REASON_ADVICE:
        assert counsel is REASON_ADVICE[reason]
    else:
        # Its verdict is there, if a notice: where the port may lawfully be shut.
        assert seen.verdicts


def test_no_reason_no_advice() -> None:
    assert advise(None, []) is None
    assert advise(Reason.TLS_TIMEOUT, [Severity.WARNING]) is None
    assert advise(Reason.TLS_TIMEOUT, [Severity.NOTICE]) is REASON_ADVICE[Reason.TLS_TIMEOUT]


def faulty(port: int) -> list[Observation]:
    """Return observations of a port with many faults."""
    start = StartTls(offered=False)
    is_starttls = healthy(port).starttls is not None
    return [
        *(ended(port, reason=reason) for reason in Reason),
        with_certificate(port, problems=("self_signed",), trusted=False),
        with_certificate(port, problems=("name_mismatch",), name_matches=False),
        with_certificate(port, not_after=NOW - timedelta(days=1), problems=("expired",)),
        with_certificate(port, not_before=NOW + timedelta(days=1), problems=("not_yet_valid",)),
        with_certificate(port, not_after=NOW + timedelta(days=3)),
        with_certificate(port, key="RSA 1024", problems=("weak_key",)),
        with_certificate(port, demands_staple=True),
        with_tls(port, "TLSv1", "ECDHE-RSA-AES128-SHA"),
        with_tls(port, "TLSv1.2", "AES128-SHA"),
        replace(healthy(port), versions={"TLSv1.0": True, "TLSv1.2": True}),
        replace(healthy(port), versions={"SSLv3": True, "TLSv1.2": True}),
        replace(healthy(port), auth_after_tls=(), capabilities_tls=("PIPELINING",)),
        replace(healthy(port), auth_after_tls=("XOAUTH2",)),
        *(
            [
                in_clear(port, start),
                in_clear(port, replace(start, masked=True), banner="220 " + "*" * 20),
                in_clear(port, StartTls(offered=True, reply="454 4.7.0 not now")),
                replace(healthy(port), auth_before_tls=("PLAIN",)),
                replace(healthy(port), starttls=StartTls(offered=True, reply="220", extra_plaintext=9)),
            ]
            if is_starttls
            else []
        ),
    ]


@pytest.mark.parametrize("port", [25, 465, 587, 143, 993, 110, 995])
def test_what_is_judged_has_the_kind_and_the_severity_that_the_page_names(port: int) -> None:
    found = {verdict.id: verdict for seen in faulty(port) for verdict in judged(seen).verdicts}
    assert len(found) > 12
    for seen in faulty(port):
        for verdict in judged(seen).verdicts:
            kind, *severities, _, _ = ROWS[verdict.id]
            cell = severities[0 if port == 25 else 1].replace("as on 25", severities[0])
            assert verdict.kind in kind, verdict
            assert verdict.severity.label in cell, (verdict, cell)
