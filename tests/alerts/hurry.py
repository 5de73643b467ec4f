"""The shipped rules and routes with nothing but their times cut short, for tests that cannot wait.

A minute is a second: how long something has to be so (`for`) and how far back a rule looks (`[1h]`). How long
an alert outlives its reason (`keep_firing_for`) is shorter still. All else is the shipped text.
"""

import re
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.alerts.ruling import ROOT, RULES, Rule, load

MINUTE = 60
LINGER = 5 * MINUTE
"""What 5 minutes of `keep_firing_for` are a second of."""
ROUTES = ROOT / "config" / "alertmanager" / "alertmanager.yml"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"(\d+)([smhd])")
_WINDOW = re.compile(r"\[(\d+[smhd])\]")


def write_rules(folder: Path, change: Callable[[Rule], None]) -> list[Path]:
    """Write every shipped file of rules with each rule changed."""
    written = []
    for path in RULES:
        document = load(path)
        for group in document["groups"]:
            for rule in group["rules"]:
                change(rule)
        written.append(folder / path.name)
        written[-1].write_text(yaml.safe_dump(document))
    return written


def hurry(rule: Rule) -> None:
    """Cut the times of a rule short."""
    rule["expr"] = _WINDOW.sub(lambda found: f"[{shorten(found[1], MINUTE)}]", rule["expr"])
    for key, divisor in (("for", MINUTE), ("keep_firing_for", LINGER)):
        if key in rule:
            rule[key] = shorten(rule[key], divisor)


def shorten(time: str, divisor: int) -> str:
    """Divide a time of Prometheus's notation, such as `15m`; no more than whole milliseconds are left."""
    found = _TIME.fullmatch(time)
    if found is None:
        raise ValueError(f"{time!r} is no time of one number and one unit")
    return f"{int(found[1]) * _UNITS[found[2]] * 1000 // divisor}ms"


def write_routes(file: Path, webhook_url: str) -> Path:
    """Write the shipped configuration of Alertmanager with hasty groups, which tells all to one webhook."""
    document = load(ROUTES)
    document["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in document["receivers"]:
        receiver["webhook_configs"] = [{"url": webhook_url}]
    file.write_text(yaml.safe_dump(document))
    return file
