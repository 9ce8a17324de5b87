"""Batches from growing sources, and their arrivals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "batch",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("classifier", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("watermark", postgresql.JSONB(), nullable=True),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("arrived_at", instant, nullable=False),
        sa.Column("taken_at", instant, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("stream in ('events', 'labels')", name="batch_stream"),
        sa.PrimaryKeyConstraint("number"),
        schema="leeway",
    )
    op.create_index("batch_by_origin", "batch", ["classifier", "stream", "origin"], schema="leeway")
    op.create_table(
        "arrival",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("classifier", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["batch"], ["leeway.batch.number"]),
        sa.PrimaryKeyConstraint("batch", "partition"),
        schema="leeway",
    )
    op.create_index("arrival_by_partition", "arrival", ["classifier", "partition"], schema="leeway")
