"""The schema of the staging tables.

It is made here, because several processes would make it at once later.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS staging")
