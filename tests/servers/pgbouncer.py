"""A real PgBouncer before a PostgreSQL of the tests, in whichever mode of pooling a test wants."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.servers.postgres import ADDRESS, USER, Postgres
from tests.servers.process import accepts, find_program, free_port, running, state_folder

PACKAGE = "pgbouncer"
# Two connections for all clients: whoever counts on having one for itself is found out.
_CONFIGURATION = """
[databases]
* = host={address} port={server} user={user}

[pgbouncer]
listen_addr = {address}
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = {user}
stats_users = {user}
pool_mode = {mode}
default_pool_size = {size}
query_wait_timeout = 30
"""


@dataclass(frozen=True, slots=True)
class PgBouncer:
    """A pooler that runs."""

    server: Postgres
    port: int

    def url(self, database: str) -> str:
        """Return the URL of a database by way of the pooler."""
        return f"postgresql://{USER}@{ADDRESS}:{self.port}/{database}"

    def command(self, words: str) -> list[tuple[object, ...]]:
        """Tell the pooler itself something, and return the rows it answers."""
        with psycopg.connect(self.url("pgbouncer"), autocommit=True, prepare_threshold=None) as connection:
            cursor = psycopg.ClientCursor(connection)  # it knows the simple protocol only
            cursor.execute(words.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def pgbouncer(server: Postgres, mode: str, size: int = 2) -> Iterator[PgBouncer]:
    """Run one with so many connections to each database, until the block ends.

    Args:
        mode: what a client has a connection for: `session`, `transaction` or `statement`.
    """
    with state_folder("pgbouncer") as folder:
        port = free_port(ADDRESS)
        file = folder / "pgbouncer.ini"
        file.write_text(
            _CONFIGURATION.format(
                address=ADDRESS, server=server.port, port=port, user=USER, mode=mode, size=size
            )
        )
        argv = [find_program("pgbouncer", PACKAGE), *_as_nobody(), str(file)]
        with running(argv, is_ready=lambda: accepts(ADDRESS, port), logs=[Path(folder / "log")]):
            yield PgBouncer(server, port)


def _as_nobody() -> tuple[str, ...]:
    return ("--user", "nobody") if os.getuid() == 0 else ()
