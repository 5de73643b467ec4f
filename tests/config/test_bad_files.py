"""Every kind of mistake in a configuration: each file in `bad` begins with the messages that it brings."""

from pathlib import Path

import pytest

from scanner.config import ConfigError, parse_settings

BAD = Path(__file__).parent / "bad"
EXPECTED = "# expect: "


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yml")), ids=lambda path: path.stem)
def test_every_mistake_is_told_with_its_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    text = path.read_text(encoding="utf-8")
    expected = [line.removeprefix(EXPECTED) for line in text.split("\n") if line.startswith(EXPECTED)]
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, source=path.name, base=Path(), environ={})
    assert [str(problem) for problem in caught.value.problems] == expected
    assert str(caught.value) == "\n".join(expected)


def test_the_folder_is_found() -> None:
    assert len(list(BAD.glob("*.yml"))) >= 50


def test_a_problem_has_its_parts() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(
            "targets: [a.example]\nlimits:\n  rate: fast\n", source="x.yml", base=Path(), environ={}
        )
    (problem,) = caught.value.problems
    assert (problem.source, problem.line, problem.key) == ("x.yml", 3, "limits.rate")
    assert problem.message == 'must be a number, 0 or more (got "fast")'
