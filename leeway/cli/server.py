"""What a server needs beside the commands of one machine."""

from leeway.cli import output
from leeway.cli.options import Json


def migrate(json: Json = False) -> None:
    """Bring Leeway's and MLflow's databases to the schema of what is installed; where they are there, change nothing."""
    from leeway.lifecycle import registry
    from leeway.store.database import database

    address = database().address
    registry.migrate()
    output.emit({"database": address}, lambda: print(f"{address} and MLflow's database are of the present schema"))


COMMANDS = (migrate,)
