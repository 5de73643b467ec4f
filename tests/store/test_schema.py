"""The migrations lead to the tables that the code knows, on both databases."""

from importlib.resources import files

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from scanner.store import Place
from scanner.store.migrate import check_version, migrate
from scanner.store.place import make_engine, prepare_sqlite
from scanner.store.schema import HEAD, VERSION_TABLE, metadata


def test_the_migrations_make_the_tables_of_the_code(place: Place) -> None:
    if place.path is not None:
        place.path.parent.mkdir()
    engine = make_engine(place, lock_seconds=5, is_writer=True)
    with engine.connect() as connection:
        prepare_sqlite(connection)
        with connection.begin():
            assert check_version(connection, place) is None
        migrate(connection, place)
        migrate(connection, place)  # a second time changes nothing
        with connection.begin():
            assert check_version(connection, place) == HEAD
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, metadata) == []


def test_the_newest_version_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "scanner.store:migrations")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    versions = [revision.revision for revision in script.walk_revisions()]
    assert versions == sorted(versions, reverse=True), "check_version compares them as text"


def test_the_migrations_are_in_the_package() -> None:
    assert files("scanner.store").joinpath("migrations", "env.py").is_file()
