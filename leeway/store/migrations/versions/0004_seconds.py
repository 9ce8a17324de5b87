"""The duration of a stage, in the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("partition", sa.Column("seconds", sa.Double(), nullable=True), schema="leeway")
