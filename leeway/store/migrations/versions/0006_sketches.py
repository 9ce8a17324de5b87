"""Sketches of scored partitions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "sketch",
        sa.Column("classifier", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seen", postgresql.JSONB(), nullable=False),
        sa.Column("mature", sa.Text(), nullable=True),
        sa.Column("held", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("classifier", "partition", "version"),
        schema="leeway",
    )
