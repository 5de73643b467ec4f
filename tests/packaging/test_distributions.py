"""The wheel and the source distribution: what is in them, that they come out the same, and that they work."""

import json
import shutil
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from scanner import __version__
from tests.cli.running_farm import RunningFarm
from tests.packaging.conftest import ROOT, Distributions, build, call, copy_tree
from tests.service.serving import serving
from tests.service.test_start_and_stop import document

SUITES = (
    *("tests/config/test_bad_files.py", "tests/config/test_shipped.py", "tests/config/test_files.py"),
    *("tests/cli/test_check.py", "tests/model/test_record_schema.py", "tests/explain/test_tables.py"),
)
"""Quick ones that read files of the package and of its configuration, and run the program."""


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_package_and_nothing_of_the_tests(
    distributions: Distributions,
) -> None:
    every = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "scanner").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = names_in(distributions.wheel)
    assert {name for name in names if name.startswith("scanner/")} == every
    assert {name.split("/")[0].split("-")[0] for name in names} == {"scanner", "mailport"}
    kinds = {Path(name).suffix for name in every}
    assert kinds >= {".py", ".typed", ".yml", ".json", ".mako", ".html", ".css", ".js", ".svg"}


def test_the_wheel_says_what_it_is(distributions: Distributions) -> None:
    assert distributions.wheel.name == f"mailport-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(distributions.wheel) as archive:
        told = message_from_bytes(archive.read(f"mailport-{__version__}.dist-info/METADATA"))
    assert told["Name"] == "mailport"
    assert told["License-Expression"] == "Apache-2.0"
    assert told["Requires-Python"] == ">=3.11"
    assert len(told.get_all("Requires-Dist", [])) > 20
    assert f"mailport-{__version__}.dist-info/licenses/LICENSE" in names_in(distributions.wheel)


def test_two_builds_are_the_same_to_the_octet(distributions: Distributions, tmp_path: Path) -> None:
    other = copy_tree(
        tmp_path / "elsewhere" / "with another name"
    )  # other times, another place, zone and locale
    elsewhere = {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
    for kind, first in (("wheel", distributions.wheel), ("sdist", distributions.sdist)):
        second = build(other, tmp_path / "out", kind, **elsewhere)
        assert second.name == first.name
        assert second.read_bytes() == first.read_bytes(), kind


def test_the_source_distribution_builds_the_same_wheel(distributions: Distributions, tmp_path: Path) -> None:
    wheel = build(distributions.unpacked, tmp_path, "wheel")
    assert wheel.read_bytes() == distributions.wheel.read_bytes()


def test_the_source_distribution_holds_no_litter(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        members = archive.getmembers()
    assert all(member.isfile() and member.uid == 0 and not member.uname for member in members)
    parts = {part for member in members for part in Path(member.name).parts}
    assert not parts & {".git", ".venv", ".cache", "__pycache__", ".mypy_cache", ".hypothesis", "dist"}


@pytest.mark.timeout(600)
def test_the_tests_run_from_the_source_distribution_against_the_wheel(
    distributions: Distributions, installed: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(distributions.unpacked, tree)
    shutil.rmtree(tree / "scanner")  # so that only the installed one is left
    pytest_call = (installed / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    collected = call(
        *pytest_call, "--collect-only", "tests", "--ignore=tests/test_architecture.py", folder=tree
    )
    assert {line.split("/")[1] for line in collected.splitlines() if line.startswith("tests/")} >= {
        each.name for each in (ROOT / "tests").iterdir() if list(each.glob("test_*.py"))
    }
    done = call(*pytest_call, *SUITES, folder=tree)
    assert " passed" in done
    assert "failed" not in done


def test_the_installed_program_is_whole(installed: Path, farm: RunningFarm, tmp_path: Path) -> None:
    code = "import scanner, pathlib; print(pathlib.Path(scanner.__file__).parents[4])"
    assert Path(call(installed / "python", "-c", code, folder=tmp_path).strip()) == installed.parent
    assert call(installed / "mailport", "--version", folder=tmp_path) == f"mailport {__version__}\n"
    assert (
        call(installed / "python", "-m", "scanner", "--version", folder=tmp_path)
        == f"mailport {__version__}\n"
    )
    assert "Submission" in call(installed / "mailport", "explain", "587", folder=tmp_path)
    lines = call(
        *(installed / "mailport", "scan", *farm.targets("healthy"), *farm.options, "--format", "ndjson"),
        folder=tmp_path,
    ).splitlines()
    assert {json.loads(line)["state"] for line in lines} == {"open"}


def test_the_installed_program_serves_pages_api_and_store(
    installed: Path, farm: RunningFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.cli.command.MAILPORT", str(installed / "mailport"))
    with serving(tmp_path, document(farm, "healthy")) as service:
        service.wait_ready()
        status, page = service.ask("/")
        assert status == 200
        assert "healthy.mail.test" in page
        for asset in ("mailport.css", "live.js", "mailport.svg"):
            assert asset in page
            assert service.ask(f"/static/{asset}")[0] == 200
        endpoint = json.loads(service.ask("/api/v1/endpoints")[1])["endpoints"][0]
        assert service.ask(f"/api/v1/endpoints/{endpoint['id']}")[0] == 200
        assert service.ask("/docs")[0] == 200
        assert service.value("mailport_store_up") == 1
    state = Path(f"{tmp_path}.state")
    assert (state / "mailport.db").read_bytes().startswith(b"SQLite format 3")
