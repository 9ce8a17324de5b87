"""What was sent to a person: how many events, how many of them have a label, and how many of those it overruled."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

COLUMNS = ("sent", "answered", "overruled")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("outcome", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"), schema="leeway")
