"""A scan over a cluster that is not there, or not for us: one line that says how to mend it."""

from pathlib import Path

import pytest

from tests.cli.command import run
from tests.servers.process import free_port
from tests.servers.redis_server import RedisServer


def scan(url: str, folder: Path, *more: object) -> tuple[int, str]:
    """Scan; return status and problem. What was in the output file before has to be there still."""
    out = folder / "out"
    out.write_text("precious")
    outcome = run("scan", "192.0.2.1:25", "--cluster", url, "--out", out, *more)
    assert out.read_text() == "precious"
    return outcome.status, outcome.problem


def test_no_broker(tmp_path: Path) -> None:
    url = f"redis://user:hunter2@127.0.0.1:{free_port()}/0"
    status, problem = scan(url, tmp_path)
    assert status == 3
    assert "hunter2" not in problem
    assert f"the broker at redis://{url.partition('@')[2]} does not answer" in problem
    assert "see that it runs" in problem


@pytest.mark.parametrize("user_info", ["", ":wrong@"], ids=["missing", "wrong"])
def test_password(user_info: str, redis_server: RedisServer, tmp_path: Path) -> None:
    status, problem = scan(f"redis://{user_info}127.0.0.1:{redis_server.port}/0", tmp_path)
    assert status == 2
    assert "refuses the password, or wants one" in problem
    assert "cluster.password_file" in problem


def test_tls_to_a_broker_that_has_none(redis_server: RedisServer, tmp_path: Path) -> None:
    status, problem = scan(redis_server.url.replace("redis:", "rediss:"), tmp_path)
    assert status == 3
    assert "does not answer" in problem


def test_no_worker(redis_server: RedisServer, tmp_path: Path) -> None:
    status, problem = scan(redis_server.url, tmp_path)
    assert status == 3
    assert "no worker reads from the broker at redis://127.0.0.1" in problem
    assert "start one: mailport worker --config FILE" in problem
    with redis_server.client as client:
        assert [key for key in client.scan_iter() if client.ttl(key) < 0] == []
        assert [key for key in client.scan_iter() if key.endswith(b":tasks")] == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://x", '--cluster: must be "redis://HOST:PORT/NUMBER"'),
        ("redis://h:0", '--cluster: must be "redis://HOST:PORT/NUMBER"'),
    ],
)
def test_what_is_no_broker(url: str, why: str, tmp_path: Path) -> None:
    status, problem = scan(url, tmp_path)
    assert (status, why in problem) == (2, True), problem


@pytest.mark.parametrize("option", [("--timeout", "3"), ("--ca-file", "ca.pem")], ids=lambda one: one[0])
def test_what_only_workers_can_say(option: tuple[str, str], tmp_path: Path) -> None:
    status, problem = scan("redis://h/0", tmp_path, *option)
    assert status == 2
    assert problem.startswith(f"{option[0]} has no effect with --cluster")


def test_a_lease_that_is_too_short_for_a_probe(tmp_path: Path) -> None:
    config = tmp_path / "mailport.yml"
    config.write_text("probe: {total_timeout: 60}\ncluster: {broker: redis://h/0, lease: 30}\n")
    status, problem = scan("redis://h/0", tmp_path, "--config", config)
    assert status == 2
    assert "cluster.lease: must be 72 seconds or more, longer than probe.total_timeout (got 30)" in problem
