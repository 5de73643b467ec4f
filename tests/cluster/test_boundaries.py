"""What a cluster brings with it: nothing where there is none, and no pickles where there is one."""

import subprocess
import sys
from pathlib import Path

import pytest
from taskiq.result_backends.dummy import DummyResultBackend
from taskiq.serializers import JSONSerializer

from scanner.cluster.fleet import Fleet
from scanner.cluster.stream import Stream
from scanner.cluster.worker import Worker
from scanner.config import ConfigError, default_settings, override
from scanner.config.cluster_settings import ClusterSettings
from scanner.config.load import parse_settings
from scanner.service.parts import build_prober
from tests.cli.command import run
from tests.service.serving import write_config

BROKER = "redis://127.0.0.1:1/0"
_LOADED = """
import asyncio, sys
from scanner.config import default_settings, override
from scanner.service.far import Far
import scanner.cli.app, scanner.service.serve
settings = override(default_settings([]), {changes})
async def main():
    return Far(settings)
asyncio.run(main())
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("taskiq", "redis", "taskiq_redis")
    or name.startswith("scanner.cluster")))
"""


def loaded(changes: str) -> list[str]:
    """Return what of a cluster is loaded when a service is set up."""
    code = _LOADED.replace("{changes}", changes)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


def test_without_a_cluster_nothing_of_it_is_loaded() -> None:
    assert loaded("{}") == []


def test_with_one_it_is() -> None:
    found = loaded(f"{{'cluster.broker': '{BROKER}'}}")
    assert {"taskiq", "taskiq_redis", "redis", "scanner.cluster.fleet"} <= set(found)
    assert "scanner.cluster.worker" not in found


async def test_nothing_is_ever_unpickled() -> None:
    settings = override(default_settings([]), {"cluster.broker": BROKER})
    fleet = Fleet(settings.cluster, "default", 0)
    worker = Worker(settings, build_prober(settings))
    streams = [one for owner in (fleet, worker) for one in vars(owner).values() if isinstance(one, Stream)]
    assert len(streams) == 4
    for stream in streams:
        assert type(stream.serializer) is JSONSerializer
        assert type(stream.result_backend) is DummyResultBackend
        assert stream.maxlen is None
        await stream.shutdown()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{broker: 5}", 'must be "redis://HOST:PORT/NUMBER"'),
        ("{broker: 'amqp://h'}", 'must be "redis://HOST:PORT/NUMBER"'),
        ("{broker: 'redis://h:0'}", 'must be "redis://HOST:PORT/NUMBER"'),
        ("{broker: 'redis://h:70000'}", 'must be "redis://HOST:PORT/NUMBER"'),
        ("{broker: 'redis://h/x'}", 'must be "redis://HOST:PORT/NUMBER"'),
        ("{broker: 'redis://h', queue: 'a:b'}", "must be letters, digits"),
        ("{broker: 'redis://h', lease: 1}", "2"),
        ("{broker: 'redis://h', ca_file: ca.pem}", "ca.pem"),
        ("{brokers: 'redis://h'}", "did you mean broker?"),
        ("{broker: 'redis://:hunter2@h:x'}", "***@"),
    ],
)
def test_what_is_no_cluster_is_refused_without_its_password(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(f"targets: [a.test]\ncluster: {text}\n", source="m.yml", base=tmp_path, environ={})
    assert why in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_password_comes_from_one_place(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret\n")
    good = ClusterSettings.model_validate(
        {"broker": "rediss://u@h:1/2", "password_file": "pw"}, context=tmp_path
    )
    assert good.password_file == tmp_path / "pw"
    with pytest.raises(ValueError, match="keep one of them"):
        ClusterSettings.model_validate({"broker": "redis://u:p@h", "password_file": "pw"}, context=tmp_path)
    settings = override(default_settings([]), {"cluster.broker": "redis://u:hunter2@h:1/0"})
    assert "hunter2" not in settings.masked()


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_lease_has_to_be_longer_than_a_probe(command: str, tmp_path: Path) -> None:
    path = write_config(tmp_path, {"targets": ["a.test"], "cluster": {"broker": BROKER, "lease": 60}})
    outcome = run(command, "--config", path)
    assert outcome.status == 2
    assert "cluster.lease: must be 72 seconds or more" in outcome.problem


def test_a_worker_without_a_broker_says_what_to_set(tmp_path: Path) -> None:
    outcome = run("worker", "--config", write_config(tmp_path, {"targets": ["a.test"]}))
    assert outcome.status == 2
    assert "there is no cluster; set its broker" in outcome.problem
