"""The profiles of docker-compose.yml: each starts what it says, and its parts fit together."""

import shlex
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.config import parse_settings
from tests.cli.command import run
from tests.packaging.compose import model
from tests.packaging.conftest import ROOT
from tests.servers.prometheus import run_promtool

BESIDE = {"alertmanager", "grafana"}
SHARDS = {"mailport-1", "mailport-2", "mailport-3"}
SCHEDULERS = {"scheduler-1", "scheduler-2"}
CLUSTER = SCHEDULERS | {"passwords", "broker", "store", "worker"}
WANTED = {
    "single": {"mailport", "prometheus"},
    "postgres": {"mailport", "postgres", "prometheus"},
    "shards": SHARDS | {"prometheus-shards"},
    "cluster": CLUSTER | {"prometheus-cluster"},
}
PROMETHEUS = ROOT / "config" / "prometheus"

each_profile = pytest.mark.parametrize("profile", WANTED)


def services(profile: str) -> dict[str, Any]:
    found: dict[str, Any] = model("--profile", profile)["services"]
    return found


def names_of(profile: str) -> set[str]:
    """The host names by which services of a profile find each other."""
    names = set()
    for name, service in services(profile).items():
        networks = service.get("networks", {}) or {}
        names |= {name}.union(*((each or {}).get("aliases", ()) for each in networks.values()))
    return names


def mounts_of(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {volume["target"]: volume for volume in service["volumes"]}


@each_profile
def test_a_profile_starts_what_it_says_and_nothing_else(profile: str) -> None:
    assert services(profile).keys() == WANTED[profile] | BESIDE


def test_without_a_profile_it_is_the_single_one_and_the_environment_may_choose() -> None:
    assert model()["services"].keys() == WANTED["single"] | BESIDE
    chosen = model(environ={"COMPOSE_PROFILES": "shards"})["services"]
    assert chosen.keys() == WANTED["shards"] | BESIDE


@each_profile
def test_no_two_services_want_the_same_port_and_none_is_open_outside(profile: str) -> None:
    ports = [port for service in services(profile).values() for port in service.get("ports", ())]
    assert max(Counter(port["published"] for port in ports).values()) == 1
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert {"9587", "9090", "9093", "3000"} <= {port["published"] for port in ports}


@each_profile
def test_no_two_services_write_to_the_same_volume(profile: str) -> None:
    written = [
        volume["source"]
        for service in services(profile).values()
        for volume in service["volumes"]
        if not volume.get("read_only", False)
    ]
    assert max(Counter(written).values()) == 1


@each_profile
def test_prometheus_scrapes_every_mailport_that_answers(profile: str) -> None:
    (name,) = (name for name in WANTED[profile] if name.startswith("prometheus"))
    service = services(profile)[name]
    options = [word for word in service.get("command") or () if word.startswith("--config.file=")]
    (file,) = options or ["--config.file=/etc/prometheus/prometheus.yml"]
    document = yaml.safe_load((PROMETHEUS / Path(file).name).read_text("utf-8"))
    (job,) = [job for job in document["scrape_configs"] if job["job_name"] == "mailport"]
    (static,) = job["static_configs"]
    hosts = [target.removesuffix(":9587") for target in static["targets"]]
    assert len(hosts) == sum(
        port["target"] == 9587 for each in services(profile).values() for port in each.get("ports", ())
    )
    assert set(hosts) <= names_of(profile)
    # And Grafana finds it by the name in its data source.
    assert "prometheus" in names_of(profile)


@pytest.mark.parametrize("name", ["shards.yml", "cluster.yml"])
def test_promtool_takes_the_configuration_which_differs_in_its_targets_alone(name: str) -> None:
    report = run_promtool("check", "config", "--lint=all", "--lint-fatal", PROMETHEUS / name)
    assert report.is_clean, report.output
    usual, ours = (
        yaml.safe_load((PROMETHEUS / each).read_text("utf-8")) for each in ("prometheus.yml", name)
    )
    for document in (usual, ours):
        document["scrape_configs"][0].pop("static_configs")
    assert usual == ours


def test_each_shard_has_its_own_number_and_volume() -> None:
    found = services("shards")
    commands = [shlex.join(found[name]["command"]) for name in sorted(SHARDS)]
    assert commands == [f"serve --config /etc/mailport/shards.yml --shard {n}/3" for n in (1, 2, 3)]
    stores = [mounts_of(found[name])["/var/lib/mailport"]["source"] for name in sorted(SHARDS)]
    assert stores == ["shard-1-data", "shard-2-data", "shard-3-data"]


def test_the_configuration_of_the_shards_is_accepted_and_names_each_of_them() -> None:
    path = ROOT / "config" / "shards.yml"
    outcome = run("check", path)
    assert (outcome.status, outcome.stderr) == (0, "")
    document = yaml.safe_load(path.read_text("utf-8"))
    place: str = document["shards"]["addresses"]
    assert {place.format(shard=number) for number in (1, 2, 3)} == {f"{name}:9587" for name in SHARDS}


def test_the_configuration_of_the_cluster_is_accepted_and_names_its_services(tmp_path: Path) -> None:
    secrets = make_passwords(tmp_path)
    path = tmp_path / "cluster.yml"
    text = (ROOT / "config" / "cluster.yml").read_text("utf-8")
    path.write_text(text.replace("/run/secrets", str(secrets)))
    outcome = run("check", path)
    assert (outcome.status, outcome.stderr) == (0, "")
    settings = parse_settings(path.read_text("utf-8"), source="cluster.yml", base=tmp_path, environ={})
    assert settings.cluster.broker == "redis://broker:6379/0"
    environ = services("cluster")["store"]["environment"]
    assert settings.store.url == f"postgresql://{environ['POSTGRES_USER']}@store/{environ['POSTGRES_DB']}"
    assert environ["POSTGRES_PASSWORD_FILE"] == "/run/secrets/store"
    # Both are read where they are mounted.
    assert text.count("password_file: /run/secrets/broker\n") == 1
    assert text.count("password_file: /run/secrets/store\n") == 1


def make_passwords(folder: Path) -> Path:
    """Run the command of the service that makes them; return the folder with the files."""
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    service = services("cluster")["passwords"]
    (script,) = (line.replace("$$", "$") for line in service["command"])
    subprocess.run([*service["entrypoint"], script], cwd=secrets, check=True, timeout=60)
    return secrets


def test_passwords_are_made_once_and_may_be_read_by_other_users(tmp_path: Path) -> None:
    files = sorted(make_passwords(tmp_path).iterdir())
    assert [file.name for file in files] == ["broker", "store"]
    first = [file.read_text() for file in files]
    assert all(len(text) == 48 and int(text, 16) for text in first)
    assert first[0] != first[1]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o644}
    make_passwords(tmp_path)
    assert [file.read_text() for file in files] == first


def test_passwords_are_files_for_those_who_need_them_and_nowhere_else() -> None:
    found = services("cluster")
    for name, service in found.items():
        secrets = mounts_of(service).get("/run/secrets")
        assert (secrets is not None) is (name in CLUSTER - {"passwords"}), name
        if secrets is not None:
            assert (secrets["source"], secrets["read_only"]) == ("cluster-passwords", True)
        told = [key for key in service.get("environment") or {} if "PASSWORD" in key]
        assert told == (["POSTGRES_PASSWORD_FILE"] if name == "store" else []), name
    assert mounts_of(found["passwords"])["/var/lib/mailport"]["source"] == "cluster-passwords"


def test_everybody_waits_for_what_is_needed() -> None:
    found = services("cluster")
    for name in ("broker", "store"):
        waits = found[name]["depends_on"]
        assert {each: waits[each]["condition"] for each in waits} == {
            "passwords": "service_completed_successfully"
        }
        assert found[name]["healthcheck"]["test"]
    for name in (*SCHEDULERS, "worker"):
        # The first leads at the first start, so that a newcomer finds the page where it always is.
        waits = found[name]["depends_on"]
        needs = {"broker", "store"} | ({"scheduler-1"} if name == "scheduler-2" else set())
        assert {each: waits[each]["condition"] for each in waits} == dict.fromkeys(needs, "service_healthy")
    assert found["worker"]["deploy"]["replicas"] == 2
    # It has no port that the image's own health check could ask.
    assert found["worker"]["healthcheck"]["disable"] is True


@pytest.mark.parametrize("name", [*sorted(SHARDS), *sorted(SCHEDULERS)])
def test_health_is_asked_of_the_configuration_that_it_serves(name: str) -> None:
    service = services("shards" if name in SHARDS else "cluster")[name]
    config = service["command"][service["command"].index("--config") + 1]
    assert service["healthcheck"]["test"] == ["CMD", "mailport", "health", "--config", config]
    assert (ROOT / "config" / Path(config).name).is_file()


@pytest.mark.parametrize(("profile", "name"), [("postgres", "postgres"), ("cluster", "store")])
def test_a_database_is_not_called_healthy_while_it_is_made(profile: str, name: str) -> None:
    # The image's first server, which makes the database, has a socket and no port.
    test = services(profile)[name]["healthcheck"]["test"]
    assert test[:2] == ["CMD", "pg_isready"]
    assert "--host=localhost" in test


def test_the_schedulers_have_names_that_a_standby_tells_and_pages_of_their_own() -> None:
    found = services("cluster")
    assert {name: found[name]["hostname"] for name in SCHEDULERS} == {name: name for name in SCHEDULERS}
    pages = {name: [port["published"] for port in found[name]["ports"]] for name in SCHEDULERS}
    assert pages == {"scheduler-1": ["9587"], "scheduler-2": ["9588"]}
