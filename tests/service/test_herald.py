"""What a watch says of its targets in the log: news only, one line a cause, however many it concerns."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from scanner.discovery import Plan
from scanner.model import Kind, Reason, Severity, TargetFinding, Verdict
from scanner.service.herald import MOST_NAMED, Herald

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def failed(
    domain: str, reason: Reason = Reason.DNS_FAILURE, *, host: str = "", why: str = ""
) -> TargetFinding:
    detail = why or f"no answer about {host or domain}"
    return TargetFinding(domain, host or domain, NOW, 0.1, reason, detail)


def noticed(domain: str, *ids: str) -> TargetFinding:
    verdicts = tuple(Verdict(one, Kind.NOTICE, Severity.NOTICE, f"{one} of {domain}", "") for one in ids)
    return TargetFinding(domain, domain, NOW, 0.1, None, verdicts[0].summary, verdicts=verdicts)


def tell(herald: Herald, *findings: TargetFinding) -> list[dict[str, Any]]:
    """Report a plan; return the lines but for the last, which sums up."""
    with capture_logs() as lines:
        for _ in herald.report(Plan((), findings)):
            pass
    assert lines[-1]["event"] == "planned"
    return [dict(line) for line in lines[:-1]]


def many(count: int) -> Iterable[str]:
    return (f"d{number}.test" for number in range(count))


def test_one_cause_is_one_line_with_the_first_few_names() -> None:
    (line,) = tell(Herald(), *map(failed, many(1000)))
    assert line == {
        "event": "target_not_probed",
        "log_level": "warning",
        "reason": "dns_failure",
        "targets": 1000,
        "first": ["d0.test", "d1.test", "d2.test", "d3.test", "d4.test"],
        "detail": "no answer about d0.test",
    }
    assert len(line["first"]) == MOST_NAMED


def test_another_cause_is_another_line() -> None:
    lines = tell(
        Herald(),
        failed("a.test"),
        failed("b.test", Reason.NAME_NOT_FOUND),
        failed("c.test", host="mx.c.test"),
        noticed("d.test", "no_server_found"),
        noticed("e.test", "mx_cname"),
        noticed("f.test", "no_server_found"),
    )
    told = [(line["event"], line.get("reason") or line["notice"], line["targets"]) for line in lines]
    assert told == [
        ("target_not_probed", "dns_failure", 2),
        ("target_not_probed", "name_not_found", 1),
        ("notice", "no_server_found", 2),
        ("notice", "mx_cname", 1),
    ]
    assert lines[0]["first"] == ["a.test", "c.test (mx.c.test)"]
    assert lines[2]["first"] == ["d.test", "f.test"]


@pytest.mark.parametrize("reason", [Reason.NULL_MX, Reason.SRV_NOT_OFFERED])
def test_what_a_domain_does_not_want_is_no_warning(reason: Reason) -> None:
    (line,) = tell(Herald(), failed("a.test", reason))
    assert (line["event"], line["log_level"]) == ("target_not_offered", "info")


def test_only_news_is_told() -> None:
    herald = Herald()
    assert len(tell(herald, *map(failed, many(10)))) == 1
    # For how long it has lasted is no news.
    assert tell(herald, *(failed(domain, why="for 30 s") for domain in many(10))) == []
    (line,) = tell(herald, *map(failed, many(12)))
    assert (line["targets"], line["first"]) == (2, ["d10.test", "d11.test"])
    assert tell(herald) == []
    assert tell(herald, failed("d1.test"))[0]["targets"] == 1  # it came again


def test_the_sum_tells_notices_apart() -> None:
    with capture_logs() as lines:
        for _ in Herald().report(Plan((), (failed("a.test"), noticed("b.test", "parked"), failed("c.test")))):
            pass
    assert (lines[-1]["targets_not_probed"], lines[-1]["notices"]) == (2, 1)
