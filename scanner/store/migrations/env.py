"""What alembic runs to migrate: over the connection that it is handed, in that one's transaction."""

from alembic import context
from sqlalchemy import Connection

from scanner.store.schema import VERSION_TABLE, metadata


def run() -> None:
    """Run the migrations that are wanted."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,  # SQLite changes tables by copying them
        transaction_per_migration=False,
    )
    context.run_migrations()


run()
