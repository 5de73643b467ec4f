"""What the profiles of docker-compose.yml run: their command lines, here, over the farm and a real Redis."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
import redis
import yaml

from tests.cli.command import Running, run, started
from tests.cli.running_farm import RunningFarm, open_rows
from tests.packaging.conftest import ROOT
from tests.packaging.test_compose_profiles import SHARDS, make_passwords, services
from tests.servers.postgres import Postgres
from tests.servers.process import find_program, free_port, running
from tests.service.serving import Service, read_log

NAMES = ("healthy", "tls12-only", "cert-expired", "auth-in-clear", "refused", "starttls-missing")


@pytest.fixture
def servers() -> Iterator[RunningFarm]:
    with open_rows(*NAMES) as farm:
        yield farm


def configure(name: str, farm: RunningFarm, folder: Path, **more: dict[str, Any]) -> Path:
    """Write a configuration of config/ with the farm's targets, and what cannot be the same here."""
    document = yaml.safe_load((ROOT / "config" / name).read_text("utf-8"))
    document |= {**farm.settings, "targets": farm.targets(), "controls": False}
    for section, keys in more.items():
        document[section] = document[section] | keys
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return path


@contextmanager
def running_service(service: dict[str, Any], folder: Path, config: Path) -> Iterator[Running]:
    """Run the command of a service, with a state folder of its own and its configuration where we have it."""
    folder.mkdir()
    command = [str(config) if word.startswith("/etc/mailport/") else word for word in service["command"]]
    assert str(config) in command
    listen = ("--listen", "127.0.0.1:0") if command[0] == "serve" else ()
    with started(folder, *command, *listen, "--log-format", "json") as process:
        yield process


def wait_serving(process: Running, folder: Path, word: str = "serving") -> Service:
    def lines() -> list[dict[str, Any]]:
        return [line for line in read_log(process) if line["event"] == word]

    process.wait_until(lambda: bool(lines()))
    return Service(process, folder, lines()[0]["listen"])


def test_three_shards_become_ready_and_share_the_endpoints(servers: RunningFarm, tmp_path: Path) -> None:
    config = configure("shards.yml", servers, tmp_path)
    found = services("shards")
    with ExitStack() as stack:
        processes = [
            stack.enter_context(running_service(found[name], tmp_path / name, config))
            for name in sorted(SHARDS)
        ]
        shards = [
            wait_serving(process, tmp_path / name)
            for process, name in zip(processes, sorted(SHARDS), strict=True)
        ]
        for number, shard in enumerate(shards, 1):
            shard.wait_ready()
            assert shard.value("mailport_shard_info", shard=str(number), shards="3") == 1
            assert [f'"{name}:9587"' in shard.ask("/api/v1/sd")[1] for name in SHARDS] == [True] * 3
        places = [place for shard in shards for place in shard.places()]
        assert len(places) == len(set(places)) == len(servers.farm.scenarios)


def as_here(text: str, **places: Path) -> str:
    """Put our own folders where a script has those of a container."""
    text = text.replace("$$", "$")
    for place, folder in places.items():
        path = {"secrets": "/run/secrets", "data": "/data"}[place]
        assert path in text
        text = text.replace(path, str(folder))
    return text


@contextmanager
def running_broker(folder: Path, secrets: Path, port: int) -> Iterator[None]:
    """Run the command of the broker; its health check tells when it is up."""
    service = services("cluster")["broker"]
    data = folder / "data"
    data.mkdir(exist_ok=True)
    find_program("redis-server", "redis-server")
    shell, options, script = service["command"]
    script = as_here(script, secrets=secrets, data=data).replace("\nEND", f"\nport {port}\nEND")
    kind, check = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    check = as_here(check, secrets=secrets).replace("redis-cli", f"redis-cli -p {port}")

    def is_healthy() -> bool:
        return subprocess.run(["/bin/sh", "-c", check], check=False, timeout=30).returncode == 0

    with running([shell, options, script], is_ready=is_healthy, logs=[folder / "redis.log"]):
        yield


def test_the_broker_asks_for_its_password_shows_it_to_nobody_and_keeps_what_it_has(tmp_path: Path) -> None:
    secrets, port = make_passwords(tmp_path), free_port()
    password = (secrets / "broker").read_text()
    with running_broker(tmp_path, secrets, port):
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with redis.Redis(port=port, password=password) as client:
            client.xadd("work", {"data": "x"})
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            process = Path(f"/proc/{client.info()['process_id']}")
        shown = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
        assert b"redis-server" in shown
        assert password.encode() not in shown
    with running_broker(tmp_path, secrets, port), redis.Redis(port=port, password=password) as client:
        assert client.xlen("work") == 1


def test_a_broker_without_a_password_does_not_start(tmp_path: Path) -> None:
    script = as_here(services("cluster")["broker"]["command"][2], secrets=tmp_path, data=tmp_path)
    done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert str(tmp_path / "broker") in done.stderr


def test_schedulers_and_workers_become_ready_over_the_broker_and_one_follows_the_other(
    servers: RunningFarm, postgres: Postgres, tmp_path: Path
) -> None:
    secrets, port = make_passwords(tmp_path), free_port()
    database = postgres.create_database()
    config = configure(
        "cluster.yml",
        servers,
        tmp_path,
        cluster={"broker": f"redis://127.0.0.1:{port}/0", "password_file": str(secrets / "broker")},
        store={"url": postgres.url(database), "password_file": str(secrets / "store")},
    )
    found = services("cluster")
    with ExitStack() as stack:

        def start(name: str, folder: str) -> Running:
            return stack.enter_context(running_service(found[name], tmp_path / folder, config))

        stack.enter_context(running_broker(tmp_path, secrets, port))
        first = wait_serving(start("scheduler-1", "first"), tmp_path)
        check_health(found["scheduler-1"], first, "mailport is")
        second = wait_serving(start("scheduler-2", "second"), tmp_path, "standing_by")
        for number in range(found["worker"]["deploy"]["replicas"]):
            start("worker", f"worker-{number}")
        first.wait_ready()
        assert first.value("mailport_cluster_broker_up") == 1
        assert first.value("mailport_cluster_results_total", outcome="taken") >= len(NAMES)
        assert len(first.places()) == len(servers.farm.scenarios)
        first.running.wait_until(lambda: postgres.execute("SELECT 1 FROM samples", database) != [])

        check_health(found["scheduler-2"], second, "mailport is a standby: the scheduler on ")
        assert [each.value("mailport_cluster_leader") for each in (first, second)] == [1, 0]
        assert "watched" in first.ask("/")[1]
        assert "This mailport is a standby: the scheduler on" in second.ask("/")[1]
        first.running.send(SIGKILL)
        second.running.wait_until(lambda: second.value("mailport_cluster_leader") == 1)
        second.wait_ready()
        check_health(found["scheduler-2"], second, "mailport is")
        assert len(second.places()) == len(servers.farm.scenarios)
        assert "watched" in second.ask("/")[1]


def check_health(service: dict[str, Any], scheduler: Service, word: str) -> None:
    """Run the health check of a service, asking where it is here."""
    kind, program, *command = service["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "mailport")
    assert command[:2] == ["health", "--config"]
    outcome = run(command[0], "--listen", scheduler.address)
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith(word)
