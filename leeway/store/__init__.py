"""The one PostgreSQL: tables, migrations, bulk rows, and what each stage writes in one transaction."""
