"""Rules for tests that cannot wait are the shipped ones in everything but their times."""

from pathlib import Path

import pytest

from tests.alerts.hurry import LINGER, MINUTE, hurry, shorten, write_rules
from tests.alerts.ruling import RULES, load
from tests.servers.prometheus import run_promtool

TIMES = {"for": MINUTE, "keep_firing_for": LINGER}


def test_nothing_but_times_differs(tmp_path: Path) -> None:
    written = write_rules(tmp_path, hurry)
    assert [path.name for path in written] == [path.name for path in RULES]
    for shipped, hurried in zip(RULES, written, strict=True):
        assert run_promtool("check", "rules", hurried).is_clean
        for group, other in zip(load(shipped)["groups"], load(hurried)["groups"], strict=True):
            assert group["name"] == other["name"]
            for rule, short in zip(group["rules"], other["rules"], strict=True):
                assert rule.keys() == short.keys()
                kept = rule.keys() - TIMES.keys() - {"expr"}
                assert {key: rule[key] for key in kept} == {key: short[key] for key in kept}
                windows = {
                    "[60000ms]": "[1h]",
                    "[15000ms]": "[15m]",
                    "[21600000ms]": "[15d]",
                    "[10000ms]": "[10m]",
                }
                restored = short["expr"]
                for hasty, usual in windows.items():
                    restored = restored.replace(hasty, usual)
                assert restored == rule["expr"]
                assert all(short[key] == shorten(rule[key], TIMES[key]) for key in TIMES.keys() & rule.keys())


@pytest.mark.parametrize(
    ("time", "divisor", "expected"), [("3m", 60, "3000ms"), ("15m", 300, "3000ms"), ("1h", 60, "60000ms")]
)
def test_a_time_is_divided(time: str, divisor: int, expected: str) -> None:
    assert shorten(time, divisor) == expected


@pytest.mark.parametrize("time", ["", "1h30m", "5", "m"])
def test_what_is_no_plain_time_is_refused(time: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        shorten(time, 60)
