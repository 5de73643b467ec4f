"""One trouble on one port is told once: what another finding explains is told with that one."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

import scanner.model
from scanner.model import Kind, Severity, StandingVerdict, Verdict
from scanner.verdict.causes import CAUSES_OF, join_causes
from tests.verdict.observations import NOW

N, W, C = Severity.NOTICE, Severity.WARNING, Severity.CRITICAL


def standing(name: str, severity: Severity = W, minutes: int = 0) -> StandingVerdict:
    verdict = Verdict(name, Kind.DOWNGRADE, severity, f"This is {name}.", "Mend it.")
    return StandingVerdict(verdict, NOW + timedelta(minutes=minutes), NOW + timedelta(hours=1))


def names(*found: StandingVerdict) -> list[str]:
    return sorted(one.verdict.id for one in join_causes(found))


@pytest.mark.parametrize("name", CAUSES_OF)
def test_every_row_is_told_with_each_of_its_causes(name: str) -> None:
    for cause in CAUSES_OF[name]:
        assert names(standing(name), standing(cause)) == [cause]


def test_the_table_has_no_circle() -> None:
    def behind(name: str, seen: frozenset[str]) -> None:
        assert name not in seen
        for cause in CAUSES_OF.get(name, ()):
            behind(cause, seen | {name})

    for name in CAUSES_OF:
        behind(name, frozenset())


def test_the_table_knows_the_vocabulary_only() -> None:
    schema = Path(scanner.model.__file__).with_name("record.schema.json").read_text("utf-8")
    known = set(json.loads(schema)["$defs"]["verdict"]["properties"]["id"]["enum"])
    assert {*CAUSES_OF, *(cause for causes in CAUSES_OF.values() for cause in causes)} <= known


def test_the_cause_weighs_as_much_as_what_it_explains_and_began_with_it() -> None:
    (one,) = join_causes([standing("starttls_missing", W, 5), standing("mta_sts_violated", C, 0)])
    assert (one.verdict.id, one.verdict.severity, one.since) == ("starttls_missing", C, NOW)
    assert one.verdict.summary == "This is starttls_missing. This is mta_sts_violated."


def test_what_strips_starttls_takes_all_with_it() -> None:
    lost = ["logindisabled_vanished", "auth_before_tls", "siblings_disagree", "certificate_changed"]
    assert names(*map(standing, lost), standing("starttls_missing")) == ["starttls_missing"]


def test_a_chain_of_causes_ends_at_the_first_of_them() -> None:
    some = ("group_weakened", "cipher_weak", "tls_version_dropped", "tls_version_below_policy")
    assert names(*map(standing, some)) == ["tls_version_below_policy"]


def test_what_has_nothing_in_common_is_told_apart() -> None:
    some = ("port_blocked", "starttls_missing", "key_weak", "auth_not_offered")
    assert names(*map(standing, some)) == sorted(some)
    assert join_causes([]) == ()
