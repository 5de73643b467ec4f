"""`make bench`: every benchmark is run, each aim judged by its figure, and what it blames is written down."""

from pathlib import Path

import pytest

from bench.__main__ import SCRIPTS, print_table
from bench.processes.aims import AIMS, Aim
from bench.processes.figures import VARIABLE, note, read

ROOT = Path(__file__).resolve().parents[1]


def test_every_benchmark_is_run_and_described() -> None:
    scripts = {file.stem for file in (ROOT / "bench").glob("*.py")} - {"__main__"}
    assert sorted(SCRIPTS) == sorted(scripts)
    described = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    assert [name for name in SCRIPTS if f"| `{name}.py` |" not in described] == []


def test_what_a_row_blames_is_a_heading_of_the_report() -> None:
    report = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    default = Aim("", "", "", "{}").why
    for aim in AIMS:
        heading = aim.why.partition(":")[0]
        assert aim.why == default or f"# {heading}\n" in report, aim.why


def test_every_figure_that_is_aimed_at_is_noted_by_a_benchmark() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "bench").glob("*.py"))
    made_up = ("probe_", "start_", "reload_")  # put together from the name of a service or an order
    for aim in AIMS:
        assert aim.figure.startswith(made_up) or f"{aim.figure}=" in text, aim.figure


@pytest.mark.parametrize(
    ("aim", "value", "said"),
    [
        (Aim("CPU", "a peer", "x", "{:.2f}", most=0.45), 0.45, ("<= 0.45", "0.45", "met")),
        (Aim("CPU", "-", "x", "{:.1f}", most=0.4, why="A: x"), 0.5, ("<= 0.4", "0.5", "MISSED; A: x")),
        (Aim("CPU", "a peer", "x", "{:.0f} x", least=50), 103.2, (">= 50 x", "103 x", "met")),
        (Aim("rate", "-", "x", "{:.0f}"), 948.0, ("reported", "948", "")),
        (Aim("rate", "-", "x", "{:.0f}", most=1), None, ("<= 1", "-", "not measured")),
    ],
)  # fmt: skip
def test_a_figure_is_held_against_its_aim(aim: Aim, value: float | None, said: tuple[str, ...]) -> None:
    assert aim.show({} if value is None else {"x": value})[2:] == said


def test_figures_go_through_a_file_and_the_table_has_a_row_for_each_aim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "figures"
    note(steady_cpu=9.0)
    assert not place.exists(), "by itself a benchmark writes nothing"
    monkeypatch.setenv(VARIABLE, str(place))
    note(steady_cpu=0.5, steady_mib=700)
    note(steady_cpu=0.2)
    assert read(place) == {"steady_cpu": 0.2, "steady_mib": 700}
    print_table(read(place))
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(AIMS) + 1
    assert sum(row.endswith("met") for row in rows) == 2
