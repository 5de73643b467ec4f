"""`mailport health` asks `mailport serve`: plain, behind TLS, a password, client certificates, and gone."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from tests.cli.command import Outcome, run
from tests.cli.running_farm import RunningFarm
from tests.servers.certificates import create_authority
from tests.servers.process import free_port
from tests.service.serving import Service, serving
from tests.service.test_start_and_stop import document
from tests.web.test_web_config_served import issue, issue_client

USERS = {"prometheus": bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()}
ALIVE = "mailport is healthy.\n"


def health(*options: object) -> Outcome:
    return run("health", "--timeout", 30, *options)


@contextmanager
def served(farm: RunningFarm, folder: Path, **web: Any) -> Iterator[tuple[Service, Path]]:
    path = folder / "web.yml"
    path.write_text(yaml.safe_dump(web))
    with serving(folder, document(farm, "healthy"), "--web-config", str(path)) as service:
        yield service, path


def test_a_plain_service_is_healthy_and_after_its_first_pass_ready(farm: RunningFarm, tmp_path: Path) -> None:
    port = free_port()
    settings = document(farm, "healthy") | {"web": {"listen": f"127.0.0.1:{port}"}}
    with serving(tmp_path, settings, "--listen", f"127.0.0.1:{port}") as service:
        config = tmp_path / "mailport.yml"
        assert health("--config", config) == Outcome(0, ALIVE, "")
        service.wait_ready()
        assert health("--config", config, "--ready") == Outcome(0, "mailport is ready.\n", "")
        # A file that `serve` has refused to load leaves it running, and healthy.
        config.write_text(f"web: {{listen: '127.0.0.1:{port}'}}\ntargets: 7\nnonsense: [\n]\n")
        assert health("--config", config) == Outcome(0, ALIVE, "")


def test_a_first_pass_under_way_is_not_ready(tmp_path: Path) -> None:
    # A name server that never answers keeps the first pass from its end.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        settings = {
            "targets": ["a.example.org"],
            "resolver": {"servers": [f"127.0.0.1:{silent.getsockname()[1]}"], "timeout": 60},
            "controls": False,
        }
        with serving(tmp_path, settings) as service:
            assert health("--listen", service.address) == Outcome(0, ALIVE, "")
            waiting = health("--listen", service.address, "--ready")
            assert waiting.status == 3
            assert waiting.stderr.startswith("mailport: mailport is not ready: the first pass is under way")


def change_end(hashed: str) -> str:
    return hashed[:-1] + ("O" if hashed.endswith(".") else ".")


def test_behind_tls_and_a_password(farm: RunningFarm, tmp_path: Path) -> None:
    tls = issue(create_authority(tmp_path / "ca"), tmp_path)
    with served(farm, tmp_path, tls_server_config=tls, basic_auth_users=USERS) as (service, web):
        where = ("--listen", service.address)
        alive = health(*where)
        assert (alive.status, alive.stderr) == (0, "")
        assert "asks for a password" in alive.stdout
        closed = health(*where, "--ready")
        assert (closed.status, closed.stdout) == (3, "")
        assert "name its --web-config FILE" in closed.stderr
        assert health(*where, "--web-config", web) == Outcome(0, ALIVE, "")
        other = tmp_path / "other.yml"
        other.write_text(
            yaml.safe_dump({"basic_auth_users": {"prometheus": change_end(USERS["prometheus"])}})
        )
        assert health(*where, "--ready", "--web-config", other).status == 3
        service.running.wait_until(lambda: health(*where, "--ready", "--web-config", web).status == 0)


def test_behind_client_certificates(farm: RunningFarm, tmp_path: Path) -> None:
    authority = create_authority(tmp_path / "ca")
    tls = issue(authority, tmp_path) | {
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": str(authority.ca_file),
    }
    for version in ("TLS12", "TLS13"):
        limits = {"min_version": version, "max_version": version}
        with served(farm, tmp_path, tls_server_config=tls | limits) as (service, _):
            where = ("--listen", service.address)
            assert "shows no certificate" in (alive := health(*where)).stdout, alive
            assert alive.status == 0
            assert "show it a certificate with --client-cert" in health(*where, "--ready").stderr
            shown = health(*where, "--client-cert", issue_client(authority, tmp_path, "probe.example"))
            assert shown == Outcome(0, ALIVE, "")


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    """Whatever the service speaks, before it is asked: it may stop asking for one, and start again."""
    shown = issue_client(create_authority(tmp_path / "ca"), tmp_path, "probe.example").read_text()
    certificate, key = shown.find("-----BEGIN CERTIFICATE"), shown.find("-----BEGIN PRIVATE KEY")
    assert min(certificate, key) >= 0
    other = issue_client(create_authority(tmp_path / "other"), tmp_path / "other", "b.example").read_text()
    without_key = shown[certificate:] if key < certificate else shown[:key]
    other_key = other[other.find("-----BEGIN PRIVATE KEY") :]
    for name, text in (
        ("junk.pem", "no certificate\n"),
        ("empty.pem", ""),
        ("cert.pem", without_key),
        ("mixed.pem", without_key + other_key),
    ):
        path = tmp_path / name
        path.write_text(text)
        found = health("--listen", f"127.0.0.1:{free_port()}", "--client-cert", path)
        assert found.status == 2, found
        assert found.problem.startswith(f"--client-cert {path} holds no PEM certificate with its key"), found


def test_nobody_there() -> None:
    gone = health("--listen", f"127.0.0.1:{free_port()}")
    assert (gone.status, gone.stdout) == (3, "")
    assert "gives no answer: no connection (connection refused)" in gone.stderr


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n", "does not answer as mailport does: 200 hi"),
        (
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n\r\n",
            "does not answer as mailport does: 401",
        ),
        (b"220 mx.example.org ESMTP \x1b[31m\r\n", "it does not speak HTTP"),
        (b"HTTP/1.1 2\xc2\xb20 OK\r\n\r\n", "it does not speak HTTP"),
        (b"", "it was broken off"),
        (b"HTTP/1.1 400 Bad\r\n\r\nask again by https://\n", "gives no answer"),
        (b"x" * 100_000, "it does not speak HTTP"),
    ],
)
def test_another_program_in_its_place(said: bytes, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2 if b"https" in said else 1):
                client = server.accept()[0]
                with client:
                    client.recv(4096)
                    client.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        found = health("--listen", f"127.0.0.1:{server.getsockname()[1]}")
        assert found.status == 3
        assert told in found.stderr
        assert found.stderr.count("\n") == 1
        thread.join(30)


def test_a_service_that_stands_still_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = run("health", "--listen", f"127.0.0.1:{server.getsockname()[1]}", "--timeout", "0.2")
        assert found.status == 3
        assert "no answer within 0.2 s" in found.stderr


@pytest.mark.parametrize(
    "options",
    [("--timeout", 0), ("--timeout", "inf"), ("--listen", "9587"), ("--client-cert", "no.pem"), ("x",)],
)
def test_wrong_usage(options: tuple[object, ...]) -> None:
    found = run("health", *options)
    assert found.status == 2
    assert found.stderr.count("\n") == 1


def test_an_unreadable_configuration_leads_to_the_default_place(tmp_path: Path) -> None:
    found = health("--config", tmp_path / "none.yml")
    assert found.status == 3
    assert "there is no such file" in found.stderr
    assert "asking at 0.0.0.0:9587" in found.stderr
