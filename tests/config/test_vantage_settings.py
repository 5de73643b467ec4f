"""The settings of the places that are looked from beside the main one."""

from pathlib import Path

import pytest

from scanner.config import ConfigError, Settings, parse_settings

BROKER = "targets: [example.org]\ncluster:\n  broker: redis://redis:6379/0\n  vantages:\n"


def parse(text: str) -> Settings:
    return parse_settings(text, source="mailport.yml", base=Path(), environ={})


def problems(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value)


def test_a_vantage_is_slower_than_the_main_one_unless_told_otherwise() -> None:
    plain, own = parse(
        f"{BROKER}    - name: berlin\n    - {{name: oslo, interval: 5m, rate: 0, targets: [MX.test:25]}}\n"
    ).cluster.vantages
    assert (plain.name, plain.interval, plain.rate, plain.targets) == ("berlin", 3600, 1, None)
    assert (own.name, own.interval, own.rate, own.targets) == ("oslo", 300, 0, ("mx.test:25",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{BROKER}    - name: a b\n", "vantages[0].name: must be a name"),
        (f"{BROKER}    - {{name: a, every: 5m}}\n", "every"),
        (f"{BROKER}    - {{name: a}}\n    - {{name: a}}\n", "a: is twice here"),
        (f"{BROKER}    - {{name: a, targets: []}}\n", "targets"),
        ("targets: [a.test]\ncluster: {vantages: [{name: a}]}", "need a broker"),
    ],
)
def test_what_cannot_be_meant_is_told(text: str, told: str) -> None:
    assert told in problems(text)
