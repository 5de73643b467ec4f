"""Brings the schema of a store up to the newest version."""

from sqlalchemy import Connection, inspect, text

from scanner.store.faults import DamagedStoreError, NewerSchemaError, StoreError
from scanner.store.place import Place
from scanner.store.schema import HEAD, VERSION_TABLE

_VERSION = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a name of our own


def migrate(connection: Connection, place: Place) -> None:
    """Bring the schema up to date, all in one transaction.

    Raises:
        NewerSchemaError: a newer mailport wrote it.
    """
    with connection.begin():
        if check_version(connection, place) != HEAD:
            _upgrade(connection)


def check_version(connection: Connection, place: Place) -> str | None:
    """Return the version of the schema; None where there is none yet.

    Raises:
        NewerSchemaError: a newer mailport wrote it.
        DamagedStoreError: what stands there is no version.
    """
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: object = connection.scalar(_VERSION)
    if version is None:
        return None
    if not isinstance(version, str):
        raise DamagedStoreError(f"{place}: the file is damaged (no version of its schema); restore a copy")
    if version > HEAD:
        raise NewerSchemaError(
            f"{place}: written by a newer mailport (schema {version}, this one knows {HEAD}); "
            "update mailport, or name another store"
        )
    return version


def require_file(place: Place) -> None:
    """Refuse to read a store that is nowhere.

    Raises:
        StoreError: it would be a file, and there is none.
    """
    if place.path is not None and not place.path.exists():
        raise StoreError(f"{place}: there is no such file; start mailport serve with it once")


def require_current(connection: Connection, place: Place) -> None:
    """Refuse to read a store that `mailport serve` has not brought up to date yet.

    Raises:
        StoreError: its schema is not the one that this program knows.
    """
    version = check_version(connection, place)
    if version != HEAD:
        what = "nothing was kept there yet" if version is None else f"it has the old schema {version}"
        raise StoreError(f"{place}: {what}; start mailport serve with it once")


def _upgrade(connection: Connection) -> None:
    # Here, since they take a fifth of a second to import and are needed once in the life of a store.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "scanner.store:migrations")
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
