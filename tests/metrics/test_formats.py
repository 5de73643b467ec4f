import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from scanner.metrics import Exposition, Telemetry
from scanner.metrics.families import FAMILIES
from scanner.metrics.labels import MAX_CHARACTERS, label, number, show
from scanner.model import Kind, Reason
from tests.metrics.reading import read, samples
from tests.metrics.samples import GOOD, at, failed, verdict


@pytest.fixture
def full() -> Exposition:
    """Every endpoint family and every own metric in one exposition."""
    registry = CollectorRegistry()
    telemetry = Telemetry(registry, version="1.2.3", revision="abc")
    telemetry.declare_sinks(["store"])
    exposition = Exposition(registry=registry)
    for observation in (
        replace(GOOD, verdicts=(verdict("certificate_expiring", Kind.MISCONFIGURATION),)),
        failed(Reason.CONNECT_TIMEOUT, endpoint=at("blocked.example.org")),
    ):
        exposition.accept(observation)
        telemetry.observe(observation)
    return exposition


def test_promtool_has_nothing_to_say(full: Exposition) -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=full.render(openmetrics=False),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_both_forms_carry_the_same_samples(full: Exposition) -> None:
    def flat(*, openmetrics: bool) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        families = read(full, openmetrics=openmetrics).values()
        return {
            (sample.name, frozenset(sample.labels.items()))
            for family in families
            for sample in family.samples
        }

    assert flat(openmetrics=True) == flat(openmetrics=False)
    assert len(flat(openmetrics=True)) > 100


def test_every_family_is_there_once_with_help_and_type(full: Exposition) -> None:
    text = full.render(openmetrics=False).decode()

    for family in FAMILIES:
        assert text.count(f"# HELP {family.name} ") == 1
        assert text.count(f"# TYPE {family.name} gauge\n") == 1


def test_openmetrics_ends_with_one_end_mark_and_text_with_none(full: Exposition) -> None:
    marked = full.render(openmetrics=True)

    assert marked.endswith(b"\n# EOF\n")
    assert marked.count(b"# EOF") == 1
    assert b"# EOF" not in full.render(openmetrics=False)


def test_openmetrics_types_and_units(full: Exposition) -> None:
    families = read(full, openmetrics=True)

    assert families["mailport_tls_version"].type == "info"
    assert families["mailport_probe_success"].type == "gauge"
    assert families["mailport_probe_duration_seconds"].unit == "seconds"
    assert families["mailport_probes"].type == "counter"


def test_created_series_are_left_out(full: Exposition) -> None:
    for is_openmetrics in (True, False):
        assert b"_created" not in full.render(openmetrics=is_openmetrics)


@pytest.mark.parametrize(("is_openmetrics", "expected"), [(True, b"# EOF\n"), (False, b"")])
def test_an_empty_exposition_is_a_valid_document(is_openmetrics: bool, expected: bytes) -> None:
    assert Exposition().render(openmetrics=is_openmetrics) == expected


hostile_text = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from('\\"\n\r\t\x00\x1b\u2028\u202e{},=# \ud800')),
    max_size=700,
)


@given(hostile_text)
def test_any_label_value_survives_both_parsers(text: str) -> None:
    exposition = Exposition()
    exposition.accept(replace(GOOD, software=text))

    for is_openmetrics in (True, False):
        name = "mailport_banner" if is_openmetrics else "mailport_banner_info"
        ((sample),) = read(exposition, openmetrics=is_openmetrics)[name].samples
        assert sample.labels["software"] == show(text)


@given(hostile_text)
def test_a_shown_text_is_short_and_has_no_control_characters(text: str) -> None:
    spelt = show(text)

    assert len(spelt) <= MAX_CHARACTERS
    assert spelt.replace("\n", "").isprintable()
    assert spelt.encode().decode() == spelt


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), max_size=MAX_CHARACTERS))
def test_printable_text_is_shown_as_it_is(text: str) -> None:
    assert show(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('say "hi"', r'x="say \"hi\""'),
        ("back\\slash", r'x="back\\slash"'),
        ("two\nlines", r'x="two\nlines"'),
        ("bell\x07", r'x="bell\\x07"'),
        ("right-to-left \u202e", r'x="right-to-left \\u202e"'),
    ],
)
def test_labels_are_escaped(text: str, expected: str) -> None:
    assert label("x", text) == expected


@given(st.floats(allow_nan=False))
def test_numbers_read_back_as_the_same_number(value: float) -> None:
    assert float(number(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "1"), (7, "7"), (0.1, "0.1"), (1e-05, "1e-05"), (float("inf"), "+Inf"), (float("-inf"), "-Inf")],
)
def test_numbers_are_short(value: float, expected: str) -> None:
    assert number(value) == expected


def test_a_number_that_is_none_is_written_as_prometheus_does() -> None:
    exposition = Exposition()
    exposition.accept(replace(GOOD, duration=float("nan")))

    assert b"} NaN\n" in exposition.render(openmetrics=False)
    ((_, value),) = samples(exposition, "mailport_probe_duration_seconds")
    assert value != value  # noqa: PLR0124 - only NaN differs from itself
