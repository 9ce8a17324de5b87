"""Commands that inspect a classifier or this machine.

Only `quarantine --replay` and `check --fix` change anything.
"""

from typing import Annotated, Any

import typer

from leeway.cli import output
from leeway.cli.options import Json, NameArgument, read_partition


def list_classifiers(json: Json = False) -> None:
    """List the declared classifiers."""
    from leeway.definition import catalog

    found = catalog.names()
    output.emit(found, lambda: print("\n".join(found) or "none: write models/NAME.py"))


def check(
    name: NameArgument,
    fix: Annotated[
        bool, typer.Option("--fix", help="Drop the expectations of columns that the definition does not declare.")
    ] = False,
    json: Json = False,
) -> None:
    """Check a definition and its suite.

    Lists every problem with its line, and tries both files on the source's newest rows.
    """
    from leeway.definition import catalog
    from leeway.ingest.audit import load_suite
    from leeway.operations import check_definition, fix_suite
    from leeway.profiling.questions import ANSWER

    if fix and (dropped := fix_suite.drop_undeclared(catalog.load(name))):
        output.note(f"dropped the expectations of {', '.join(dropped)} from expectations/{name}.py")
    with output.progress(f"checking {name}"):
        findings = check_definition.check_all(name)
    if findings:
        output.emit({"findings": findings}, lambda: print("\n".join(str(item) for item in findings)))
        raise typer.Exit(1)
    classifier = catalog.load(name)
    expectations = len(load_suite(name).expectations)
    with output.progress(f"looking at what tells the label of {name}"):
        asked = check_definition.open_questions(classifier)
    found = {"findings": [], "features": classifier.features, "expectations": expectations, "questions": asked}

    def say() -> None:
        print(f"{name}: {len(classifier.features)} features, {expectations} expectations")
        for question in asked:
            print(f"  Only you can know: {question}.")
        if asked:
            print(f"  Answer in models/{name}.py: {ANSWER}.")

    output.emit(found, say)


def status(name: NameArgument, json: Json = False) -> None:
    """Show a classifier's champion, ledger, verdicts and requests."""
    from leeway.definition import catalog
    from leeway.operations.status import status as look
    from leeway.views import links

    found = look(catalog.load(name))

    def say() -> None:
        champion = found.champion
        print(f"champion: {f'version {champion.version}, as of {champion.as_of:%Y-%m-%d}' if champion else 'none yet'}")
        if found.hold:
            print(found.hold)
        print(f"events: {found.events}, quarantined: {found.quarantined}")
        for change in found.changes:
            print(f"changed since: {change}. Undo it, or decide: leeway adopt {name}")
        if found.changed:
            print(f"due again, because rows arrived or changed: {_few(found.changed)}")
        if found.unknown:
            print(f"not known whether earlier partitions have changed: {found.unknown}")
        output.table(
            "last partitions", ("partition", "ingest", "score", "monitor"), [list(row.values()) for row in found.ledger]
        )
        requests = [(item.key, item.state, item.as_of.date(), item.history[-1]["why"]) for item in found.requests[:10]]
        output.table("retrain requests", ("key", "state", "as of", "why"), requests)
        if page := links.page("on_call", classifier=name):
            print(f"more: {page}")

    output.emit(found, say)


def quarantine(
    name: NameArgument,
    replay: Annotated[bool, typer.Option("--replay", help="Audit the kept deliveries of these rows again.")] = False,
    json: Json = False,
) -> None:
    """Show bad rows and the rules they broke."""
    from leeway.definition import catalog
    from leeway.ingest import quarantine

    classifier = catalog.load(name)
    if replay:
        replayed = quarantine.replay(classifier)
        output.emit(
            replayed,
            lambda: print("\n".join(f"{key}: {text}" for key, text in replayed.items()) or "nothing to replay"),
        )
        return
    found = quarantine.rows(classifier)

    def say() -> None:
        rows: list[Any] = [(item.partition, item.occurrences, "; ".join(item.broken), item.shown) for item in found]
        output.table(f"rows of {name} in quarantine", ("partition", "times", "broken", "row"), rows)

    output.emit(found, say)


def report(
    name: NameArgument,
    partition: Annotated[str | None, typer.Argument(help="The last one by default.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Show a report's path and verdict."""
    from leeway.definition import catalog
    from leeway.monitoring import report_index
    from leeway.operations.status import verdict

    classifier = catalog.load(name)
    if partition is not None:
        read_partition(classifier, partition, "PARTITION")
    found = verdict(classifier, partition)
    found["kept"] = report_index.is_kept(name, found["partition"])
    gone = f"the report is no longer kept; `leeway nightly {name} --partition {found['partition']}` writes it again"
    where = found["report"] if found["kept"] else gone
    output.emit(found, lambda: print(f"{found['partition']}: {found['verdict']}: {found['why']}\n{where}"))


def explain(
    name: NameArgument,
    event_id: Annotated[str, typer.Argument(help="The event's id.", show_default=False)],
    json: Json = False,
) -> None:
    """Explain the score of one event.

    Shows what each column contributes, in log odds. Values of sensitive columns are hidden.
    """
    from math import exp

    import numpy as np

    from leeway.core.metrics import logit
    from leeway.definition import catalog
    from leeway.views import event_detail

    classifier = catalog.load(name)
    detail = event_detail.explain(classifier, event_id)

    def say() -> None:
        flagged = ", ".join(detail.decision) or "nothing"
        print(
            f"event {detail.event_id} of {detail.partition}, by version {detail.version}: "
            f"flagged as {flagged}{_though(detail.likeliest)}"
        )
        for why in detail.why:
            odds = float(logit(np.array(why.score)))
            print(
                f"{why.of_class}: score {why.score:.4f}, log odds {odds:+.3f}: baseline {why.base:+.3f}, plus these effects"
            )
            rows = [(r.column, r.value, r.usual, f"{r.effect:+.3f}", f"{exp(r.effect):.2f}") for r in why.reasons]
            output.table("reasons", ("column", "value", "usual", "log odds", "odds times"), rows)

    output.emit(detail, say)


def _though(likeliest: str | None) -> str:
    return f"; {likeliest} is likelier, but costs or thresholds decide against it" if likeliest else ""


def doctor(json: Json = False) -> None:
    """Check whether this machine can run Leeway."""
    from leeway.operations.doctor import examine

    found = examine()
    rows = [(item.what, "ok" if item.ok else "NOT OK", item.found) for item in found]
    output.emit(found, lambda: output.table("this machine", ("what", "", "found"), rows))
    if not all(item.ok for item in found):
        raise typer.Exit(1)


def _few(keys: list[str]) -> str:
    more = len(keys) - 10
    return ", ".join(keys[-10:]) + (f" and {more} earlier ones" if more > 0 else "")


COMMANDS = (list_classifiers, check, status, quarantine, report, explain, doctor)
