"""Holds by people, and retrain requests that wait."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

STATES = "'requested', 'waiting', 'running', 'promoted', 'kept_champion', 'failed', 'suppressed', 'held', 'rejected'"


def upgrade() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("classifier", sa.Text(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="leeway",
    )
    op.create_index("ix_leeway_hold_classifier", "hold", ["classifier"], schema="leeway")
    op.drop_constraint("retrain_request_state", "retrain_request", schema="leeway")
    op.create_check_constraint("retrain_request_state", "retrain_request", f"state in ({STATES})", schema="leeway")
