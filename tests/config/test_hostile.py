"""Hostile configuration texts: whatever comes in, settings come out or a `ConfigError`, soon."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.config import ConfigError, Problem, Settings, parse_settings

KEYS = st.sampled_from(
    [*Settings.model_fields, "file", "timeout", "families", "ca_file", "ehlo_name", "source_address", "rate"]
)
WORDS = st.one_of(
    st.sampled_from(
        ["null", "true", "25", "0.5", "1e999", "15m", "ipv4", "a.example", "${X}", "$${", "${", "."]
    ),
    st.sampled_from(
        ["&a x", "*a", "!!int 5", "!x y", "'", '"', "[", "{", "- ", "---", "? ", "%YAML 1.1", "\t"]
    ),
    st.text(max_size=12),
)
VALUES = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(st.tuples(KEYS, inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=6,
)
DOCUMENTS = st.lists(st.tuples(KEYS, VALUES), max_size=6).map(
    lambda pairs: "\n".join(f"{key}: {value}" for key, value in pairs)
)


def read(text: str) -> Settings | None:
    problems: tuple[Problem, ...] = ()
    try:
        settings = parse_settings(text, source="c.yml", base=Path("/nonexistent"), environ={"X": "5"})
    except ConfigError as error:
        problems = error.problems
    else:
        assert settings.targets
        return settings
    assert problems
    lines = sum(map(text.count, "\n\r\x85\u2028\u2029")) + 2
    assert all(problem.line is None or 1 <= problem.line <= lines for problem in problems)
    assert all(str(problem).isprintable() for problem in problems)
    return None


@given(
    st.one_of(DOCUMENTS, DOCUMENTS.map(lambda text: f"{text}\ntargets: [a.example]"), st.text(max_size=200))
)
def test_any_text_is_settings_or_a_problem(text: str) -> None:
    settings = read(text)
    if settings is not None:
        again = parse_settings(settings.masked(), source="again.yml", base=Path(), environ={})
        assert again == settings


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 50_000,
        "a: " * 50_000,
        "? " * 50_000,
        "a: &a [" + "*a, " * 50_000,
        "targets: [" + "a.example, " * 20_000 + "]",
        "ports: [" + "25, " * 20_000 + "]",
        "probe: {timeout: " + "9" * 100_000 + "}",
        "probe: {timeout: " + "1h" * 50_000 + "x}",
        "probe: {ehlo_name: " + "a." * 50_000 + "}",
        "vantage: " + "${" * 50_000,
        "vantage: " + "${X}" * 50_000,
        "resolver: {servers: ['" + "[" * 50_000 + "']}",
        "x" * 100_000 + ": 1",
        "a: 1\n" * 10_000,
        "%TAG " * 1000,
        "\ud800",
        "\0",
        "\ufeff\ufeff",
    ],
    ids=lambda text: ascii(text[:12]),
)
@pytest.mark.timeout(20)
def test_a_text_made_to_hurt_is_refused(text: str) -> None:
    assert read(text) is None


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"c\.yml: longer than 16 MiB"):
        parse_settings("#" * (16 * 1024 * 1024 + 1), source="c.yml", base=Path(), environ={})
