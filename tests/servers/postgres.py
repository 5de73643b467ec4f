"""A real PostgreSQL on loopback, made anew for the tests and run by a user without rights."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.servers.process import ServerNotStartedError, find_program, free_port, running, state_folder

PACKAGE = "postgresql"
ADDRESS = "127.0.0.1"
USER = "mailport"
GUARDED = "guarded"
"""A user who needs the password."""
PASSWORD = "pass word/with:odd@signs%"
_INIT_SECONDS = 60.0
_HBA = f"""
local all all trust
host all {GUARDED} {ADDRESS}/32 scram-sha-256
host all all {ADDRESS}/32 trust
"""
_SETTINGS = {
    "listen_addresses": ADDRESS,
    "fsync": "off",  # the machine does not lose power in a test
    "max_connections": "40",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
}
_numbers = itertools.count()


def _program(name: str) -> str:
    """Return a program of the newest PostgreSQL; Debian keeps them apart from the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return find_program(name, PACKAGE, *map(str, reversed(folders)))


def _as_user(argv: Sequence[str]) -> list[str]:
    """PostgreSQL refuses to run as root: let it run as nobody then."""
    if os.getuid() != 0:
        return list(argv)
    nobody = pwd.getpwnam("nobody")
    user, group = str(nobody.pw_uid), str(nobody.pw_gid)
    return ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", *argv]


@dataclass(slots=True)
class Postgres:
    """A server that can be stopped and started again, always on the same port."""

    folder: Path
    is_durable: bool
    port: int = field(default_factory=lambda: free_port(ADDRESS))
    _running: ExitStack = field(default_factory=ExitStack)
    _signal: signal.Signals = signal.SIGINT  # "fast": it ends the connections itself

    def url(self, database: str, user: str = USER) -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@{ADDRESS}:{self.port}/{database}"

    def create_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{next(_numbers)}"
        self.execute(f'CREATE DATABASE "{name}"')
        return name

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement outside of a transaction and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start it and wait until it answers."""
        chosen = _SETTINGS | {"fsync": "on" if self.is_durable else "off"}
        settings = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
        data = str(self.folder / "data")
        argv = [_program("postgres"), "-D", data, "-k", str(self.folder), "-p", str(self.port), *settings]
        log = self.folder / "postgres.log"
        process = self._running.enter_context(running(_as_user(argv), is_ready=self._answers, logs=[log]))
        self._running.callback(lambda: os.kill(process.pid, self._signal))

    def stop(self) -> None:
        """Stop it, and cut all connections."""
        self._running.close()

    def kill(self) -> None:
        """End it as a power cut does: the server and all that serve its connections."""
        self._send(signal.SIGKILL)
        self._running.close()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it hang while the block runs: connections stay open, new ones are made, and none answers."""
        self._send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to the server, and to all that serve its connections."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children")
        os.kill(pid, number)  # it makes no more of them then
        for child in map(int, children.read_text().split()):
            with suppress(ProcessLookupError):
                os.kill(child, number)

    def discard(self) -> None:
        """Stop it for ever: at once, without writing anything down."""
        self._signal = signal.SIGQUIT
        self.stop()

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def new_postgres(*, is_durable: bool = False) -> Iterator[Postgres]:
    """Make a server of its own, running until the block ends; the machine does not lose power in a test."""
    with state_folder("postgres") as folder, ExitStack() as stack:
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
        data = folder / "data"
        argv = [_program("initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        done = subprocess.run(
            _as_user([*argv, "--locale=C"]),
            capture_output=True,
            text=True,
            timeout=_INIT_SECONDS,
            cwd=folder,
            check=False,
        )
        if done.returncode != 0:
            raise ServerNotStartedError(f"initdb said: {done.stdout}{done.stderr}")
        (data / "pg_hba.conf").write_text(_HBA)
        server = Postgres(folder, is_durable)
        server.start()
        stack.callback(server.discard)
        server.execute(f"CREATE ROLE {GUARDED} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for the whole session; make a database of your own in it."""
    with new_postgres() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL for one test, which may stop it."""
    with new_postgres() as server:
        yield server
