"""The table and its summary: whose server it is, what it accepts, what weighs, at every width."""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from scanner.cli.cells import shorten, tell_certificate, tell_news, tell_state, tell_tls
from scanner.cli.output import MAX_TEXT, TableWriter
from scanner.cli.summary import build_summary
from scanner.cli.table import build_table
from scanner.model import Kind, Observation, Reason, Role, Severity, TargetFinding, Tls, Verdict
from scanner.model.record import Record, to_record
from scanner.verdict.reachability import tell_blocked, tell_intercepted
from tests.metrics.samples import CERTIFICATE, GOOD, failed, verdict

VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
WIDTHS = (80, 100, 120, 160)
NOTICE = Verdict("mta_sts_broken", Kind.NOTICE, Severity.NOTICE, "The policy is not there.", "Publish it.")
SOON = datetime.now(UTC) + timedelta(days=60, hours=1)
SOUND = replace(GOOD, certificate=replace(CERTIFICATE, not_after=SOON))


def at(
    host: str,
    port: int,
    domains: Sequence[str],
    source: str = "mx",
    seen: Observation = SOUND,
    **changes: Any,
) -> Record:
    role = Role.MX if port == 25 else Role.SUBMISSION
    place = replace(seen.endpoint, host=host, port=port, role=role, domains=tuple(domains), source=source)
    return to_record(replace(seen, endpoint=place, **changes))


def about(domain: str, reason: Reason | None, *verdicts: Verdict, host: str = "", detail: str = "") -> Record:
    found = TargetFinding(
        domain, host or domain, GOOD.started_at, 0.01, reason, detail, "mx", verdicts=verdicts
    )
    return to_record(found)


def accepting(*names: str) -> dict[str, bool]:
    return {name: name in names for name in VERSIONS}


def show(records: Iterable[Record], width: int = 160, longest: int | None = None) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False, markup=False).print(
        build_table(records, width, longest)
    )
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def styles(text: Text) -> dict[str, str]:
    """Each piece of a text that has a style of its own."""
    pieces = {text.plain[span.start : span.end]: str(span.style) for span in text.spans}
    return pieces or {text.plain: str(text.style)}


SHARED = [
    at("mx.host.example", 25, ("a.example", "b.example", "c.example")),
    at("smtp.a.example", 587, ("a.example",), "srv"),
    at("smtp.b.example", 587, ("b.example",), "guess"),
    about("b.example", None, NOTICE),
    at("d.example", 25, ("d.example",), "mx"),
]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_domain_has_its_servers_under_its_name(width: int) -> None:
    lines = show(SHARED, width)

    assert max(map(len, lines)) <= width
    places = [re.sub(r" {2,}.*", "", line.strip()) for line in lines[2:] if not re.match(r" +\d", line)]
    assert places == [
        *("a.example", "mx.host.example", "smtp.a.example", ""),
        *("b.example", "· The policy is not there.", "smtp.b.example", "mx.host.example", ""),
        *("c.example", "mx.host.example", ""),
        "d.example",
    ]
    assert "a.example  2 other domains share a server" in lines
    assert lines.count("  mx.host.example  25: see a.example") == 2


@pytest.mark.parametrize(
    ("columns", "width"),
    [
        (None, 160),
        ("90", 90),
        ("200", 200),
        ("7", 40),
        ("0", 160),
        ("-80", 160),
        ("wide", 160),
        ("9" * 5, 160),
    ],
)
def test_a_table_for_no_terminal_is_as_wide_as_asked_for(
    columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    stream = io.StringIO()
    writer = TableWriter(stream)
    for record in SHARED:
        writer.write(record)
    writer.close()

    assert {len(line) for line in stream.getvalue().splitlines() if line.startswith("─")} == {width}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_source_of_each_server_is_told(width: int) -> None:
    lines = show(SHARED, width)

    assert "source" in lines[0]
    assert re.findall(r" ms  (\w+)", "\n".join(lines)) == ["mx", "srv", "guess", "mx"]


def test_a_domain_is_told_where_it_learnt_of_a_server_itself() -> None:
    record = {**SHARED[0], "sources": {"a.example": "guess", "b.example": "mx"}}

    assert " guess " in next(line for line in show([record]) if re.match(r" +25", line))


def test_targets_with_a_port_need_no_sources() -> None:
    lines = show([at("mx.host.example", 25, ("mx.host.example",), "operator")])

    assert "source" not in lines[0]
    assert lines[2] == "mx.host.example  192.0.2.7"
    assert len(lines) == 4


def test_more_servers_elsewhere_than_can_be_named_are_counted() -> None:
    lines = show([at(f"mx{number}.host.example", 25, ("a.example", "b.example")) for number in range(5)])

    assert lines[-1] == "  and 2 more"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_notice_about_a_domain_has_no_state_and_no_time(width: int) -> None:
    lines = show([about("b.example", None, NOTICE), at("mx.b.example", 25, ("b.example",))], width)

    assert lines[2:5] == ["b.example", "  · The policy is not there.", "  mx.b.example  192.0.2.7"]


def test_an_unknown_name_weighs_and_stands_in_a_row() -> None:
    lines = show([about("b.example", Reason.NAME_NOT_FOUND, detail="NXDOMAIN")])

    assert re.fullmatch(r" +- +unreachable +10 ms +mx +!! name not found: NXDOMAIN", lines[3])


@pytest.mark.parametrize("width", WIDTHS)
def test_a_line_about_the_domain_stands_before_its_hosts(width: int) -> None:
    records = [
        about("b.example", Reason.DNS_FAILURE, host=host)
        for host in ("a.b.example", "b.example", "z.example")
    ]
    lines = show([at("a.host.example", 25, ("b.example",)), *records], width)

    places = [line.strip() for line in lines[2:] if not line.strip().startswith(("!", "· "))]
    assert [re.sub(r" {2,}.*", "", place) for place in places] == [
        *("b.example", "-", "a.b.example", "-", "z.example", "-"),
        *("a.host.example", "25"),
    ]


@pytest.mark.parametrize(
    ("tls", "versions", "expected"),
    [
        (GOOD.tls, None, {"1.3": "green"}),
        (GOOD.tls, accepting("TLSv1.2", "TLSv1.3"), {"1.3 1.2": "green"}),
        (
            GOOD.tls,
            accepting("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
            {"1.3 1.2": "green", "1.1 1.0": "red"},
        ),
        (None, accepting("SSLv2", "SSLv3"), {"SSLv3 SSLv2": "red"}),
        (Tls("TLSv1.0", "AES128-SHA", None), None, {"1.0": "red"}),
        (GOOD.tls, dict.fromkeys(VERSIONS), {"1.3": "green"}),
        (None, accepting(), {"none": "red"}),
        (None, None, {"none": "red"}),
    ],
)
def test_versions_are_listed_newest_first_and_old_ones_are_red(
    tls: Tls | None, versions: dict[str, bool | None] | None, expected: dict[str, str]
) -> None:
    record = to_record(replace(GOOD, tls=tls, versions=versions))

    assert styles(tell_tls(record)) == expected


def test_a_port_that_is_not_open_has_no_versions() -> None:
    assert tell_tls(to_record(failed(Reason.CONNECT_TIMEOUT))).plain == ""


@pytest.mark.parametrize(("width", "is_shown"), [(70, False), (100, False), (160, True)])
def test_the_group_is_shown_where_findings_leave_room(width: int, is_shown: bool) -> None:
    assert ("X25519MLKEM768" in "\n".join(show(SHARED, width))) == is_shown


@pytest.mark.parametrize(
    ("problems", "told", "expected"),
    [
        (("expired",), [("certificate_expired", Severity.CRITICAL)], {"expired": "bold red"}),
        (("expired",), [("certificate_expired", Severity.NOTICE)], {"expired": "dim"}),
        (
            ("self_signed", "untrusted", "name_mismatch"),
            [("certificate_untrusted", Severity.NOTICE), ("certificate_name_mismatch", Severity.NOTICE)],
            {"name": "dim"},
        ),
        (
            ("self_signed", "name_mismatch"),
            [("certificate_untrusted", Severity.CRITICAL), ("certificate_name_mismatch", Severity.NOTICE)],
            {"self": "bold red"},
        ),
        (("self_signed",), [], {"self": "dim"}),
        (("untrusted",), [("certificate_untrusted", Severity.WARNING)], {"issuer": "yellow"}),
        (("not_yet_valid",), [("certificate_not_yet_valid", Severity.CRITICAL)], {"not yet": "bold red"}),
        (("weak_signature",), [("key_weak", Severity.WARNING)], {"weak": "yellow"}),
        ((), [], {"60 d": "green"}),
        ((), [("certificate_expiring", Severity.WARNING)], {"60 d": "yellow"}),
    ],
)
def test_a_certificate_is_told_in_a_word_and_coloured_as_its_verdict_weighs(
    problems: tuple[str, ...], told: list[tuple[str, Severity]], expected: dict[str, str]
) -> None:
    certificate = replace(CERTIFICATE, not_after=SOON, problems=problems)
    verdicts = tuple(verdict(name, Kind.WEAKNESS, severity) for name, severity in told)

    assert (
        styles(tell_certificate(to_record(replace(GOOD, certificate=certificate, verdicts=verdicts))))
        == expected
    )


@pytest.mark.parametrize(
    ("reason", "verdicts", "mark", "summary"),
    [
        (Reason.NAME_NOT_FOUND, (), "!!", "1 unreachable, 1 critical"),
        (Reason.DNS_FAILURE, (), "!", "1 unreachable, 1 warning"),
        (Reason.NULL_MX, (), "·", "1 not offered, 1 notice"),
        (Reason.SRV_NOT_OFFERED, (), "·", "1 not offered, 1 notice"),
        (Reason.TLS_CLOSED, (), "!", "1 broken, 1 warning"),
        (Reason.TLS_CLOSED, (NOTICE,), "!", "1 broken, 1 warning, 1 notice"),
        (Reason.WRONG_PROTOCOL, (), "!!", "1 broken, 1 critical"),
        (Reason.CONNECTION_REFUSED, (NOTICE,), "·", "1 closed, 1 notice"),
    ],
)
def test_a_line_is_marked_and_counted_by_one_weight(
    reason: Reason, verdicts: tuple[Verdict, ...], mark: str, summary: str
) -> None:
    record = about("a.example", reason, *verdicts, detail="as it was")

    assert tell_news(record, None).plain.split()[0] == mark
    assert build_summary([record]).plain == f"1 result: {summary}"
    colour = {"!!": "bold red", "!": "yellow", "·": "dim"}[mark]
    assert tell_state(record).style == colour


def test_notices_are_no_results() -> None:
    records = [*SHARED, about("e.example", None, NOTICE)]

    assert build_summary(records).plain == "4 results: 4 open, 2 notices"
    assert build_summary([]).plain == "nothing to probe"


def test_what_our_own_network_does_has_a_line_a_port_under_the_totals() -> None:
    blocked = tell_blocked(25, "no control answers")
    proxied = tell_intercepted(587, "192.0.2.1 accepts connections")
    records = [
        *(at(host, 25, [host], seen=failed(Reason.EGRESS_BLOCKED), verdicts=(blocked,)) for host in "ab"),
        at("c", 587, ["c"], seen=failed(Reason.EGRESS_INTERCEPTED), verdicts=(proxied,)),
        at("d", 587, ["d"]),
    ]

    totals, first, second = build_summary(records).plain.splitlines()
    assert totals == "4 results: 1 open, 3 unknown, 1 critical, 2 warnings"
    assert first == f"Our own network lets nothing out to port 25. {blocked.advice}"
    assert second.startswith("Something in our own network answers port 587")
    assert second.endswith(proxied.advice)


def test_long_texts_lose_their_middle_on_a_terminal_only() -> None:
    text = f"The beginning {'x' * 1000} and the point."
    record = about("a.example", None, replace(NOTICE, summary=text))
    cut = tell_news(record, MAX_TEXT).plain

    assert len(cut) == len("· ") + MAX_TEXT
    assert cut.startswith("· The beginning xxx")
    assert cut.endswith("xxx and the point.")
    assert "…" in cut
    assert shorten(text[:MAX_TEXT], MAX_TEXT) == text[:MAX_TEXT]
    assert text.replace(" ", "") in "".join(show([record])).replace(" ", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "is_cut"), [(io.StringIO(), False), (Terminal(), True)])
def test_a_file_gets_every_word(stream: io.StringIO, is_cut: bool) -> None:
    writer = TableWriter(stream)
    writer.write(about("a.example", None, replace(NOTICE, summary=f"It {'x' * 400} ends.")))
    writer.close()

    assert ("…" in stream.getvalue()) == is_cut
