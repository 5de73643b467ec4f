"""Reads the shipped rules and their promtool tests, so that tests can look at each alert."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "config" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
RULE_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))

Rule = dict[str, Any]

_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def rules() -> Iterator[Rule]:
    """Every rule that is shipped, alerts and recordings."""
    for path in RULES:
        for group in load(path)["groups"]:
            yield from group["rules"]


def alerts() -> list[Rule]:
    return [rule for rule in rules() if "alert" in rule]


def cases() -> Iterator[dict[str, Any]]:
    """Every promtool test: its series and what is asked of them."""
    for path in RULE_TESTS:
        yield from load(path)["tests"]


def selectors_of(expression: str, metric: str) -> list[list[tuple[str, str, str]]]:
    """The matchers of each place where a query asks for a metric: label, operator, value."""
    places = re.findall(re.escape(metric) + r"\{([^}]*)\}", expression)
    return [_MATCHER.findall(place) for place in places]


def is_selected(labels: dict[str, str], matchers: list[tuple[str, str, str]]) -> bool:
    """Tell whether a series would be selected, as Prometheus does: regular expressions are anchored."""
    return all(_holds(operator, value, labels.get(name, "")) for name, operator, value in matchers)


def _holds(operator: str, wanted: str, found: str) -> bool:
    is_same = bool(re.fullmatch(wanted, found)) if operator.endswith("~") else wanted == found
    return is_same is not operator.startswith("!")
