"""Where a store is, and how connections to it are made."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from scanner.config import StoreSettings
from scanner.config.files import FileProblemError
from scanner.config.store_url import SQLITE, read_password
from scanner.model.shard import Shard
from scanner.network.wires import Wires
from scanner.store.faults import StoreError
from scanner.store.fence import Fence, put_before
from scanner.store.pooling import prepare_connections

FILE_NAME = "mailport.db"
APPLICATION_ID = 0x4D505254
"""Marks an SQLite file as ours: "MPRT"."""
_STATEMENT_SECONDS = 120
_CONNECT = {
    "connect_timeout": "5",
    "application_name": "mailport",
    # A network that swallows packets must not hold the writer for the kernel's quarter of an hour.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


@dataclass(frozen=True, slots=True)
class Place:
    """An SQLite file (`path`), or a PostgreSQL database (`url`)."""

    path: Path | None = None
    url: str | None = None
    password_file: Path | None = None
    fence: Fence | None = None
    """The lease that has to be held by whoever writes; None = no other scheduler waits for it."""

    def __str__(self) -> str:
        """The place for people's eyes, without a password."""
        if self.path is not None:
            return str(self.path)
        url = make_url(self.url or "")
        host = url.host or url.query.get("host") or ""
        return f"PostgreSQL database {url.database} at {host}{f':{url.port}' if url.port else ''}"


def find_place(
    settings: StoreSettings, environ: Mapping[str, str], shard: Shard | None = None
) -> Place | None:
    """Return where the settings want the store; None where nothing is to be kept.

    Where no place is set each shard has a file of its own. It is named by the shard's number alone, so
    that the shard finds it again when there are more of them.

    Raises:
        StoreError: no place is set, and the environment names none either.
    """
    if not settings.enabled:
        return None
    if settings.url is None:
        path = default_path(environ)
        return Place(path=path if shard is None else path.with_stem(f"{path.stem}-shard-{shard.index}"))
    if settings.url.startswith(SQLITE):
        return Place(path=Path(settings.url.removeprefix(SQLITE)))
    return Place(url=settings.url, password_file=settings.password_file)


def default_path(environ: Mapping[str, str]) -> Path:
    """Return the file in the state folder of the service (systemd's STATE_DIRECTORY) or of the user (XDG).

    Raises:
        StoreError: the environment names no folder.
    """
    service = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if service:
        return Path(service) / FILE_NAME
    user = Path(environ.get("XDG_STATE_HOME", ""))
    if not user.is_absolute():  # as the specification of these folders demands
        home = environ.get("HOME", "")
        if not Path(home).is_absolute():
            raise StoreError(
                "nothing says where to keep the store; set store.url, or STATE_DIRECTORY, or HOME"
            )
        user = Path(home) / ".local" / "state"
    return user / "mailport" / FILE_NAME


def make_engine(place: Place, *, lock_seconds: float, is_writer: bool, wires: Wires | None = None) -> Engine:
    """Make an engine that opens a new connection each time; nothing is opened yet.

    A writer's transactions hold the write lock from their beginning; those of others cannot write at all.
    By the wires, where they are given, connections to a server can be cut.
    """
    if place.path is not None:
        return _make_sqlite(place.path, lock_seconds, is_writer=is_writer)
    return _make_postgresql(place, lock_seconds, is_writer=is_writer, wires=wires or Wires())


def _make_sqlite(path: Path, lock_seconds: float, *, is_writer: bool) -> Engine:
    mode = "rwc" if is_writer else "ro"
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=lock_seconds, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = _decode
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    begin = "BEGIN IMMEDIATE" if is_writer else "BEGIN"

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        if not is_writer:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _decode(text: bytes) -> str | bytes:
    """Return a text; as it is where it is no UTF-8: the driver would fail all rows of the query for one."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def prepare_sqlite(connection: Connection) -> None:
    """Set what a file must have before its first table, and what each of the writer's connections has."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        return
    tables = driver.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not tables:
        driver.execute("PRAGMA auto_vacuum = INCREMENTAL")
        driver.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    driver.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
    driver.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing; a power cut the last second
    driver.execute("PRAGMA journal_size_limit = 67108864")


def _make_postgresql(place: Place, lock_seconds: float, *, is_writer: bool, wires: Wires) -> Engine:
    url = make_url(place.url or "").set(drivername="postgresql+psycopg")
    engine = create_engine(
        _with_defaults(url),
        poolclass=NullPool,
        isolation_level="READ COMMITTED" if is_writer else "REPEATABLE READ",
    )

    @event.listens_for(engine, "do_connect")
    def add_password(
        _dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]
    ) -> None:
        if place.password_file is not None:
            try:
                parameters["password"] = read_password(place.password_file)
            except FileProblemError as error:
                raise StoreError(f"cannot read the password in {place.password_file}: {error}") from None

    @event.listens_for(engine, "connect")
    def add_wire(connection: Any, _record: object) -> None:  # noqa: ANN401 - what the driver makes, whichever it is
        wires.add(connection)

    prepare_connections(
        engine, statement_seconds=_STATEMENT_SECONDS, lock_seconds=lock_seconds, is_writer=is_writer
    )
    if place.fence is not None and is_writer:
        put_before(engine, place.fence)
    return engine


def _with_defaults(url: URL) -> URL:
    """Add what the operator's URL does not say itself."""
    return url.update_query_dict({name: value for name, value in _CONNECT.items() if name not in url.query})
