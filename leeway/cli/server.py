"""Commands for a server installation."""

from leeway.cli import output
from leeway.cli.options import Json


def migrate(json: Json = False) -> None:
    """Migrate Leeway's and MLflow's databases.

    They get the schema of the installed versions. A database that has it does not change.
    """
    from leeway.lifecycle import registry
    from leeway.store.database import database

    address = database().address
    registry.migrate()
    output.emit({"database": address}, lambda: print(f"{address} and MLflow's database have the current schema"))


COMMANDS = (migrate,)
