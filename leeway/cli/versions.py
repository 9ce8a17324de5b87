"""Commands about versions and retrain requests."""

from typing import TYPE_CHECKING, Annotated

import typer

from leeway.cli import output
from leeway.cli.options import Json, NameArgument, ReasonOption

if TYPE_CHECKING:
    from leeway.lifecycle.retraining import Request

Key = Annotated[str, typer.Argument(help="The request's key, as `leeway status` shows it.", show_default=False)]


def versions(name: NameArgument, json: Json = False) -> None:
    """Show promotions and refusals, newest first.

    Shows the gates that decided; `--json` and the model card have all details.
    """
    from leeway.definition import catalog
    from leeway.lifecycle import registry
    from leeway.lifecycle.verdict import GateVerdict, in_short

    catalog.load(name)
    champion = registry.champion(name)
    past = registry.history(name)

    def say() -> None:
        rows = [
            (
                f"{item.version}{' *' if champion and item.version == champion.version else ''}",
                item.outcome,
                item.as_of.date(),
                item.actor,
                item.reason,
                in_short([GateVerdict(**gate) for gate in item.evidence], "\n"),
            )
            for item in past
        ]
        output.table(
            f"versions of {name} (* is champion)", ("version", "outcome", "as of", "by", "reason", "gates"), rows
        )

    output.emit({"champion": champion.version if champion else None, "history": past}, say)


def promote(name: NameArgument, version: int, reason: ReasonOption, json: Json = False) -> None:
    """Make a version champion by hand.

    The history keeps your name and reason.
    """
    from leeway.cli.orchestrated import person
    from leeway.definition import catalog
    from leeway.lifecycle import registry

    catalog.load(name)
    result = registry.promote(name, version, reason=reason, actor=person())
    output.emit(result, lambda: print(f"version {result.version} is champion of {name}"))


def rollback(name: NameArgument, reason: ReasonOption = "rolled back", json: Json = False) -> None:
    """Bring back the previous champion."""
    from leeway.cli.orchestrated import person
    from leeway.definition import catalog
    from leeway.lifecycle import registry

    catalog.load(name)
    result = registry.rollback(name, reason=reason, actor=person())
    output.emit(result, lambda: print(f"version {result.version} is champion of {name} again"))


def approve(request: Key, json: Json = False) -> None:
    """Approve a held retrain request.

    The next night carries it out.
    """
    _settle(request, approved=True)


def reject(request: Key, json: Json = False) -> None:
    """Reject a held retrain request."""
    _settle(request, approved=False)


def hold(name: NameArgument, reason: ReasonOption, json: Json = False) -> None:
    """Hold a classifier back from automatic retraining.

    Until it is released, a person must approve each retrain that a breach requests.
    """
    from leeway.cli.orchestrated import person
    from leeway.definition import catalog
    from leeway.lifecycle import holds

    catalog.load(name)
    held = holds.hold(name, reason, person())
    output.emit({"held": True, "requests": held}, lambda: print(f"{name} is held{_and(held)}"))


def release(name: NameArgument, reason: ReasonOption, json: Json = False) -> None:
    """Release a held classifier.

    The next night carries out the requests that waited.
    """
    from leeway.cli.orchestrated import person
    from leeway.definition import catalog
    from leeway.lifecycle import holds

    released = holds.release(catalog.load(name), reason, person())
    output.emit({"held": False, "requests": released}, lambda: print(f"{name} is released{_and(released)}"))


def _and(requests: "list[Request]") -> str:
    return "".join(f"; {item.key} is {item.state}" for item in requests)


def _settle(request: str, *, approved: bool) -> None:
    from leeway.cli.orchestrated import person
    from leeway.lifecycle import retraining

    result = retraining.settle(request, approved, person())
    output.emit(result, lambda: print(f"{result.key}: {result.state}; {retraining.NEXT[result.state]}"))


def adopt(
    name: NameArgument,
    keep: Annotated[
        bool, typer.Option("--keep", help="Stored rows stay as they are: the definition says the same in another way.")
    ] = False,
    read_again: Annotated[
        bool, typer.Option("--read-again", help="Stored partitions are stale; `backfill --stale` reads them again.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what changed in a definition; decide about stored rows.

    Without --keep or --read-again nothing is changed.
    """
    from leeway.cli.orchestrated import person
    from leeway.definition import catalog
    from leeway.operations import adoption

    if keep and read_again:
        raise typer.BadParameter("give one of --keep and --read-again")
    classifier = catalog.load(name)
    decides = keep or read_again
    found = (
        adoption.adopt(classifier, "keep" if keep else "read again", person()) if decides else adoption.plan(classifier)
    )

    def say() -> None:
        if not found.changes:
            print(f"{name} says what it said when its stored rows were read: nothing to adopt")
            return
        rows = [(change.part, change.before, change.now, change.effect) for change in found.changes]
        output.table("", ("changed", "was", "is", "effect"), rows)
        if found.partitions:
            print(f"stored: {len(found.partitions)} partitions, {found.partitions[0]} to {found.partitions[-1]}")
        if found.champion is not None:
            print(f"version {found.champion} learnt from the old definition: train again once it is adopted")
        if not decides:
            print(f"If the stored rows are right as they are: leeway adopt {name} --keep")
            print(f"If they are to be read again: leeway adopt {name} --read-again")
        elif read_again:
            print(f"Adopted. Next: leeway backfill {name} --stale; leeway train {name}")
        else:
            print("Adopted: stored rows stay as they are")

    output.emit(found, say)


COMMANDS = (versions, adopt, promote, rollback, approve, reject, hold, release)
