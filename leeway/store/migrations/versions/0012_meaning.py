"""What stored rows mean: the parts of the definition that read them, each time that they were adopted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "meaning",
        sa.Column("classifier", sa.Text, primary_key=True),
        sa.Column("adopted_at", TIMESTAMP(timezone=True), primary_key=True, server_default=sa.func.clock_timestamp()),
        sa.Column("parts", JSONB, nullable=False),
        sa.Column("read_again", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("actor", sa.Text, nullable=False, server_default=""),
        schema="leeway",
    )
