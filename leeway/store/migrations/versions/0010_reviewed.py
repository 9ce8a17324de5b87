"""Counts of reviewed events: sent, answered, overruled."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

COLUMNS = ("sent", "answered", "overruled")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("outcome", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"), schema="leeway")
