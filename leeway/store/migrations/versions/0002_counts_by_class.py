"""Counts of positive labels become counts by class."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE leeway.snapshot ALTER COLUMN positives TYPE jsonb USING to_jsonb(positives)")
