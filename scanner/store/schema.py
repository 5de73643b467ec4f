"""The tables, the same in SQLite and PostgreSQL. Times are whole microseconds since 1970."""

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0002"
"""The newest version of the schema; `migrations/versions` leads there."""
VERSION_TABLE = "mailport_schema"


class _Bytes(LargeBinary):
    """Bytes as the driver gives them: SQLAlchemy's own fail all rows of a query for one that holds text."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Make nothing of what was read."""


_Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself in columns of exactly this type."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("host", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("tls_mode", Text, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("memory", Text),
    Column("latest_at", BigInteger, nullable=False),  # started_at of the sample put last
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("host", "address", "port", "protocol", "tls_mode", "vantage"),
)

# What seldom changes from probe to probe: the endpoint with all that is published about it, and what the
# server showed. One row for each of an endpoint; `usual` are the texts of the first observation with it.
contents = Table(
    "contents",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("endpoint_id", _Id, ForeignKey("endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("hash", _Bytes, nullable=False),  # SHA-256 of the canonical JSON
    Column("body", _Bytes, nullable=False),  # that JSON, compressed by zlib
    Column("usual", Text),
    UniqueConstraint("endpoint_id", "hash"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("endpoint_id", _Id, ForeignKey("endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("duration", BigInteger, nullable=False),  # microseconds
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("level", SmallInteger, nullable=False),
    # No foreign keys: they would need two more indexes on the largest table. The writer keeps them whole.
    Column("subject_id", _Id, nullable=False),
    Column("evidence_id", _Id, nullable=False),
    Column("rest", Text, nullable=False),
    UniqueConstraint("endpoint_id", "started_at"),
)

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("host", Text),
    Column("address", Text),
    Column("port", Integer),
    Column("protocol", Text),
    Column("tls_mode", Text),
    Column("body", Text, nullable=False),  # the whole event as JSON
    Index(None, "at"),
    Index(None, "host", "port"),
    sqlite_autoincrement=True,  # an id is never given twice, also after the newest row was pruned
)

# What a receiver is owed: written with the event, removed when it was taken or refused, or given up.
outbox = Table(
    "outbox",
    metadata,
    Column("owner", Text, primary_key=True),  # who delivers it
    Column("uid", Text, primary_key=True),  # of the event; grows with time
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # the whole event as JSON
)

policies = Table(
    "policies",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("policy_id", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("mx", Text, nullable=False),  # JSON list
    Column("max_age", BigInteger, nullable=False),  # seconds
    Column("fetched_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("stronger", Text),
    Column("stronger_until", BigInteger, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("argument", Text, nullable=False),  # JSON object
    Column("taken_at", BigInteger),
    sqlite_autoincrement=True,
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
