"""Columns and keys by the field's names.

They are `observed`, `label_residuals`, `predicted_positive` and `true_positives`.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

#: Of counts in JSON; a class or a value of such a name has an object behind it, not a number.
KEYS = {"called": "predicted_positive", "hits": "true_positives"}


def upgrade() -> None:
    op.alter_column("sketch", "seen", new_column_name="observed", schema="leeway")
    op.alter_column("sketch", "held", new_column_name="label_residuals", schema="leeway")
    for column in ("classes", "slices"):
        written = f"{column}::text"
        for old, new in KEYS.items():
            written = f"""regexp_replace({written}, '"{old}": (\\d)', '"{new}": \\1', 'g')"""
        op.execute(f"UPDATE leeway.outcome SET {column} = ({written})::jsonb")  # noqa: S608 - of constants
