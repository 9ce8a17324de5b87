"""Outcomes of decisions, alerts, and mutes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

INSTANT = postgresql.TIMESTAMP(timezone=True)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "outcome",
        sa.Column("classifier", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.Column("labelled", sa.BigInteger(), nullable=False),
        sa.Column("log_loss", sa.Double(), nullable=False),
        sa.Column("classes", postgresql.JSONB(), nullable=False),
        sa.Column("slices", postgresql.JSONB(), nullable=False),
        sa.Column("worst", postgresql.JSONB(), nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.CheckConstraint("role in ('champion', 'before')", name="outcome_role"),
        sa.PrimaryKeyConstraint("classifier", "partition", "role"),
        schema="leeway",
    )
    op.create_table(
        "alert",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("classifier", sa.Text()),
        sa.Column("told", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("found_at", INSTANT, nullable=False, server_default=NOW),
        sa.Column("changed_at", INSTANT, nullable=False, server_default=NOW),
        sa.CheckConstraint("state in ('waiting', 'sent', 'suppressed')", name="alert_state"),
        sa.PrimaryKeyConstraint("key"),
        schema="leeway",
    )
    op.create_table(
        "mute",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("classifier", sa.Text()),
        sa.Column("from_at", INSTANT, nullable=False),
        sa.Column("until_at", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="leeway",
    )
