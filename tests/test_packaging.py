"""What mailport is delivered with: locked requirements, container files, dashboards."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from scanner.metrics import domain_lines, egress, incidents
from scanner.metrics.families import FAMILIES
from scanner.metrics.telemetry import Telemetry
from tests.metrics.samples import STORE

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "config"
DASHBOARDS = sorted((CONFIG / "grafana" / "dashboards").glob("*.json"))
SHELL_SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_passes(*command: str | Path) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def load_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


# ------------------------------------------------------------------------------------------- requirements


def packages_in(name: str) -> list[str]:
    """The requirements of an .in file, without comments and options."""
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def entries_of(name: str) -> list[str]:
    """The entries of a locked file, each on one line."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def pins_of(name: str) -> dict[str, str]:
    return dict(entry.split()[0].split("==") for entry in entries_of(name))


def test_run_in_names_the_dependencies_and_the_build_backend() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["build-system"]["requires"]
    assert sorted(packages_in("run.in")) == sorted(wanted)


def test_dev_in_names_the_dev_group() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert sorted(packages_in("dev.in")) == sorted(project["dependency-groups"]["dev"])


def test_docs_in_names_the_docs_group() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert packages_in("docs.in") == project["dependency-groups"]["docs"]


@pytest.mark.parametrize("name", ["run", "dev", "docs", "sslyze", "compose"])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    entries = entries_of(f"{name}.txt")
    assert entries
    for entry in entries:
        pinned = r"[a-z0-9.-]+==(?:\d+!)?[\w.]+( +--hash=sha256:[0-9a-f]{64})+ *"
        assert re.fullmatch(pinned, entry), entry[:80]


@pytest.mark.parametrize("name", ["run", "dev", "docs", "sslyze", "compose"])
def test_every_package_of_the_in_file_is_locked(name: str) -> None:
    wanted = {re.split(r"[<>=\[]", line)[0].lower() for line in packages_in(f"{name}.in")}
    assert wanted <= pins_of(f"{name}.txt").keys()


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").iterdir()), ids=lambda path: path.name)
def test_requirements_name_no_index_host_or_folder(path: Path) -> None:
    assert not re.search(r"://|index-url|trusted-host|find-links|file:|/(tmp|home|root)/", path.read_text())


def test_tests_run_with_the_versions_that_users_get() -> None:
    assert pins_of("run.txt").items() <= pins_of("dev.txt").items()


# ------------------------------------------------------------------------------------- make and its scripts


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable_posix_shell(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert_passes("dash", "-n", script)


def test_ci_runs_check_and_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert_passes("bash", "-n", script)
    assert re.findall(r"^make \w+$", script.read_text(), re.MULTILINE) == [
        "make check",
        "make docs",
        "make test",
    ]


def test_make_help_lists_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets is not None
    listed = re.findall(r"^make (\w+) +\S", run("make", "--no-print-directory", "help").stdout, re.MULTILINE)
    assert sorted(listed) == sorted(targets[1].split())


def test_a_missing_python_is_told() -> None:
    done = run("scripts/venv.sh", "run", PYTHON="/nonexistent/python")
    assert done.returncode == 1
    assert "no Python 3.11 or newer found" in done.stderr


def fake_commands(folder: Path, *, uid: int, names: tuple[str, ...]) -> str:
    """Make a PATH on which nothing is installed, this user calls, and only these other commands exist."""
    scripts = {"dpkg-query": "exit 1", "id": f"echo {uid}", **dict.fromkeys(names, "exit 99")}
    for name, line in scripts.items():
        command = folder / name
        command.write_text(f"#!/bin/sh\n{line}\n")
        command.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("uid", "names", "said"),
    [(0, (), "there is no apt-get here: postfix openssl"), (1000, ("apt-get",), "Run as root:")],
)
def test_missing_packages_that_cannot_be_installed_are_told(
    tmp_path: Path, uid: int, names: tuple[str, ...], said: str
) -> None:
    path = fake_commands(tmp_path, uid=uid, names=names)
    done = run("/bin/sh", "scripts/debian-packages.sh", "postfix", "openssl", PATH=path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "postfix openssl" in done.stderr


# ---------------------------------------------------------------------------------------------- containers


def instructions_of_last_stage() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    last = max(number for number, line in enumerate(lines) if line.startswith("FROM "))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines[last:])]


def test_image_runs_as_a_numeric_user_without_rights() -> None:
    users = [rest for word, rest in instructions_of_last_stage() if word == "USER"]
    assert users == ["65532:65532"]


def test_image_keeps_its_store_in_the_volume() -> None:
    instructions = instructions_of_last_stage()
    (environment,) = [rest for word, rest in instructions if word == "ENV"]
    folder = dict(pair.split("=", 1) for pair in environment.split())["STATE_DIRECTORY"]
    volumes = load_yaml(ROOT / "docker-compose.yml")["services"]["mailport"]["volumes"]
    assert f"mailport-data:{folder}" in volumes
    assert any(rest.startswith("install -d -o 65532") and rest.endswith(folder) for _, rest in instructions)


def test_image_starts_the_service_and_asks_for_its_health() -> None:
    said = dict(instructions_of_last_stage())
    assert json.loads(said["ENTRYPOINT"]) == ["mailport"]
    assert json.loads(said["CMD"]) == ["serve", "--config", "/etc/mailport/mailport.yml"]
    assert said["EXPOSE"] == "9587"
    asked = json.loads(said["HEALTHCHECK"].partition("CMD ")[2])
    assert asked == ["mailport", "health", "--config", json.loads(said["CMD"])[2]]


def test_image_is_made_from_files_that_exist_and_are_not_ignored() -> None:
    text = (ROOT / "Dockerfile").read_text()
    sources = [
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for word in line.split()
    ]
    kept = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(sources) == sorted(kept)
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_image_takes_only_hashed_packages() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    fetching = [line for line in re.findall(r"pip (?:install|download|wheel)[^&\n]*", text) if "-r " in line]
    others = [line for line in re.findall(r"pip\S* .*?(?:install|wheel) [^&\n]*", text) if "-r " not in line]
    assert fetching
    assert all("--require-hashes" in line for line in fetching)
    assert all("--no-index" in line or "--no-build-isolation" in line for line in others)


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = load_yaml(ROOT / "docker-compose.yml")
    return loaded


def mounts_of(service: dict[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """Folders of this repository that a service sees: source, place in the container, mode."""
    for volume in service["volumes"]:
        source, place, *mode = volume.split(":")
        if source.startswith("."):
            yield ROOT / source, place, "".join(mode)


def test_compose_services_have_few_rights(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert compose["services"]["mailport"]["read_only"] is True


def test_compose_images_are_pinned(compose: dict[str, Any]) -> None:
    images = {
        name: service["image"] for name, service in compose["services"].items() if "build" not in service
    }
    assert images.keys() >= {"prometheus", "alertmanager", "grafana", "postgres"}
    assert all(re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?", image) for image in images.values())


def test_compose_mounts_existing_files_read_only(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for source, _, mode in mounts_of(service):
            assert source.is_dir()
            assert mode == "ro"


def test_compose_gives_each_program_its_configuration(compose: dict[str, Any]) -> None:
    wanted = {
        "mailport": "/etc/mailport/mailport.yml",
        "prometheus": "/etc/prometheus/prometheus.yml",
        "alertmanager": "/etc/alertmanager/alertmanager.yml",
        "grafana": compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"],
    }
    for name, file in wanted.items():
        mounted = [
            source / Path(file).relative_to(place)
            for source, place, _ in mounts_of(compose["services"][name])
            if Path(file).is_relative_to(place)
        ]
        assert [path.is_file() for path in mounted] == [True], name


def test_compose_volumes_are_declared(compose: dict[str, Any]) -> None:
    volumes = [volume for service in compose["services"].values() for volume in service["volumes"]]
    named = {volume.split(":")[0] for volume in volumes if not volume.startswith(".")}
    assert named == compose["volumes"].keys()


# ------------------------------------------------------------------------------- Prometheus, Alertmanager


def test_prometheus_finds_the_services_of_compose(compose: dict[str, Any]) -> None:
    prometheus = load_yaml(CONFIG / "prometheus" / "prometheus.yml")
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in prometheus["scrape_configs"]}
    managers = prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert jobs["mailport"] == ["mailport:9587"]
    assert managers == ["alertmanager:9093"]
    assert {"mailport", "alertmanager"} <= compose["services"].keys()


# ------------------------------------------------------------------------------------------------- Grafana


def panels_of(dashboard: Path) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads(dashboard.read_text())["panels"]
    return [panel for panel in panels if panel["type"] != "row"]


def queries_of(dashboard: Path) -> list[str]:
    """Every query, its variables replaced as Grafana replaces them."""
    queries = [target["expr"] for panel in panels_of(dashboard) for target in panel["targets"]]
    return [re.sub(r"\$\w+", ".+", query.replace("$__rate_interval", "2m")) for query in queries]


def variables_of(dashboard: Path) -> dict[str, Any]:
    return {
        variable["name"]: variable for variable in json.loads(dashboard.read_text())["templating"]["list"]
    }


def exported_metrics() -> set[str]:
    registry = CollectorRegistry()
    Telemetry(registry).show_store(lambda: STORE)
    ours = {sample.name for metric in registry.collect() for sample in metric.samples}
    # With labels a metric has no samples before its first value.
    ours |= {f"{metric.name}_bucket" for metric in registry.collect() if metric.type == "histogram"}
    ours |= {metric.name for metric in registry.collect() if metric.type == "gauge"}
    return (
        ours
        | {family.name for family in FAMILIES}
        | domain_lines.FAMILIES.keys()
        | egress.FAMILIES.keys()
        | incidents.FAMILIES.keys()
    )


def metrics_in(text: str) -> set[str]:
    return set(re.findall(r"\bmailport_\w+", text))


def test_there_are_an_overview_and_a_dashboard_for_a_domain_and_an_endpoint() -> None:
    assert {path.stem for path in DASHBOARDS} == {"mailport-overview", "mailport-domain", "mailport-endpoint"}
    for path in DASHBOARDS:
        assert json.loads(path.read_text())["uid"] == path.stem
        assert variables_of(path).keys() >= {"datasource", "mailport"}
    every = set[str]().union(*(variables_of(path).keys() for path in DASHBOARDS))
    assert every == {"datasource", "domain", "host", "port", "protocol", "mailport"}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_ask_only_for_exported_metrics(dashboard: Path) -> None:
    variables = variables_of(dashboard).values()
    definitions = [variable["query"]["query"] for variable in variables if variable["type"] == "query"]
    texts = queries_of(dashboard) + definitions
    assert all(metrics_in(text) for text in texts)
    assert set().union(*map(metrics_in, texts)) - exported_metrics() == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboard_queries_are_valid(dashboard: Path, tmp_path: Path) -> None:
    rules = [{"record": f"panel:query:{n}", "expr": query} for n, query in enumerate(queries_of(dashboard))]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert_passes("promtool", "check", "rules", file)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboard_panels_use_the_chosen_data_source_and_do_not_overlap(dashboard: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels_of(dashboard):
        assert panel["title"]
        assert panel["description"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_grafana_loads_the_dashboards_and_reaches_prometheus(compose: dict[str, Any]) -> None:
    provisioning = CONFIG / "grafana" / "provisioning"
    (provider,) = load_yaml(provisioning / "dashboards" / "mailport.yml")["providers"]
    places = {place: source for source, place, _ in mounts_of(compose["services"]["grafana"])}
    assert sorted(places[provider["options"]["path"]].glob("*.json")) == DASHBOARDS
    (source,) = load_yaml(provisioning / "datasources" / "prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose["services"]
