"""Makes the outbox: events that a receiver is owed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make its table; events from before are owed to nobody."""
    op.create_table(
        "outbox",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "uid", name="pk_outbox"),
    )
