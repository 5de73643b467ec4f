"""A real Redis on loopback, with a password, which a test may kill and start again."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from tests.servers.certificates import Authority, Leaf
from tests.servers.process import find_program, free_port, running, state_folder

PASSWORD = "pass-word%23"
"""With what a URL has to escape."""


@dataclass(slots=True)
class RedisServer:
    """A server that keeps its port. Without `is_durable` it forgets everything when it ends."""

    folder: Path
    is_durable: bool
    leaf: Leaf | None = None
    """With a certificate it speaks TLS as well, on another port."""
    tls_port: int = field(default_factory=free_port)
    port: int = field(default_factory=free_port)
    _running: ExitStack = field(default_factory=ExitStack)
    _pid: int = 0

    @property
    def url(self) -> str:
        """Where it is, with the password as a URL has it."""
        return f"redis://:{PASSWORD.replace('%', '%25')}@127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        """A connection to it."""
        return redis.Redis(host="127.0.0.1", port=self.port, password=PASSWORD)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        argv = [
            find_program("redis-server", "redis-server"),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD),
            *("--dir", str(self.folder), "--save", ""),
            *("--appendonly", "yes" if self.is_durable else "no", "--appendfsync", "always"),
        ]
        if self.leaf is not None:
            argv += ["--tls-port", str(self.tls_port), "--tls-auth-clients", "no"]
            argv += ["--tls-cert-file", str(self.leaf.certificate_file)]
            argv += ["--tls-key-file", str(self.leaf.key_file)]
            argv += ["--tls-ca-cert-file", str(self.leaf.certificate_file)]
        server = running(argv, is_ready=self._answers, logs=[self.folder / "redis.log"])
        self._pid = self._running.enter_context(server).pid

    def kill(self) -> None:
        """End it as a power cut does."""
        os.kill(self._pid, signal.SIGKILL)
        self._running.close()

    def stop(self) -> None:
        """End it in good order."""
        self._running.close()

    def _answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of a test's own that keeps nothing on disk."""
    yield from _serve(is_durable=False)


@pytest.fixture
def durable_redis() -> Iterator[RedisServer]:
    """A Redis of a test's own that writes everything to disk at once."""
    yield from _serve(is_durable=True)


@pytest.fixture
def tls_redis(authority: Authority) -> Iterator[RedisServer]:
    """A Redis of a test's own that speaks TLS as localhost."""
    yield from _serve(is_durable=False, leaf=authority.issue("localhost", addresses=["127.0.0.1"]))


def _serve(*, is_durable: bool, leaf: Leaf | None = None) -> Iterator[RedisServer]:
    with state_folder("redis") as folder:
        server = RedisServer(folder, is_durable, leaf)
        server.start()
        try:
            yield server
        finally:
            server.stop()
