"""Commands that run a classifier's stages."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from leeway.cli import output, temporary_server
from leeway.cli.options import Json, NameArgument, PartitionOption, ReasonOption, WrongValue, read_partition
from leeway.core.progress import reporting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tasks.decide import Decision


class StageName(StrEnum):
    """Stages that a backfill can be limited to."""

    ingest = "ingest"
    score = "score"
    monitor = "monitor"


def ingest(name: NameArgument, partition: PartitionOption = None, json: Json = False) -> None:
    """Ingest one partition: extract, audit and publish its rows.

    Earlier partitions whose rows arrived or changed since are ingested again.
    """
    result = _run("ingest", name, partition)
    done = (
        f"{result.new} new events, {result.revised} revised, {result.labels} labels, {result.quarantined} quarantined"
    )

    def say() -> None:
        print(done if result.changed else f"nothing changed: {result.rows} events are there already")
        for key, text in result.late.items():
            print(f"{key}: {text}")

    output.emit(result, say)


def score(name: NameArgument, partition: PartitionOption = None, json: Json = False) -> None:
    """Score one partition's events with the champion."""
    result = _run("score", name, partition)
    from leeway.core.outputs import describe

    done = f"{result.rows} events scored by version {result.version}, flagged: {describe(result.positives)}"
    output.emit(result, lambda: print(done if result.changed else f"nothing changed: {done} before"))


def monitor(name: NameArgument, partition: PartitionOption = None, json: Json = False) -> None:
    """Compare one scored partition with the reference.

    Writes the partition's report. A breach files a retrain request.
    """
    result = _run("monitor", name, partition)
    output.emit(result, lambda: print(f"{result.verdict}: {result.why}\n{result.report}"))


def nightly(name: NameArgument, partition: PartitionOption = None, json: Json = False) -> None:
    """Run one night: ingest, score, monitor, retrain if due."""
    from leeway.core.outputs import describe

    result = _run("nightly", name, partition)

    def say() -> None:
        print(f"{name} {result.partition}: {result.ingested.rows} events, {result.ingested.quarantined} quarantined")
        if result.waits_for:
            print(f"no champion yet: {result.waits_for}")
        if result.scored:
            print(f"version {result.scored.version} flagged {describe(result.scored.positives)}")
        if result.monitored:
            print(f"{result.monitored.verdict}: {result.monitored.why}\n{result.monitored.report}")
            if result.monitored.request:
                print(f"retrain request {result.monitored.request}: {result.monitored.request_state}")
        for key, text in (result.caught_up | result.late).items():
            print(f"{key}: {text}")
        if result.retrained and result.retrained.version is None:
            print(f"the platform retrains for {result.retrained.key}: {result.retrained.state}")
        elif result.retrained:
            print(f"retrained for {result.retrained.key}: {result.retrained.state}, version {result.retrained.version}")
        if result.retrain_failed:
            print(f"the retrain failed: {result.retrain_failed}")

    output.emit(result, say)


def train(
    name: NameArgument,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Use nothing that became known later; now by default.", show_default=False),
    ] = None,
    reason: ReasonOption = "asked for",
    json: Json = False,
) -> None:
    """Train a challenger and let the gates decide.

    It becomes champion if every gate admits it.
    """
    moment = None if as_of is None else _moment("--as-of", as_of)
    temporary_server.begin()
    from leeway.cli.orchestrated import orchestrated, person
    from leeway.definition import catalog

    catalog.load(name)
    _ingest_history(name)  # before the present is looked up: what is ingested now is known from now on
    with output.progress(f"training {name}"), orchestrated("train") as flow:
        decision = flow.train(name, moment, reason, person())
    output.emit(decision, lambda: _say_decision(name, decision))
    if not decision.promoted:
        raise typer.Exit(1)


def retrain(name: NameArgument, reason: ReasonOption, json: Json = False) -> None:
    """Request a retrain and carry it out."""
    temporary_server.begin()
    from datetime import UTC, datetime

    from leeway.cli.orchestrated import orchestrated, person
    from leeway.definition import catalog
    from leeway.lifecycle import retraining
    from leeway.store.database import database

    classifier = catalog.load(name)
    now = datetime.now(UTC)
    key = f"{name}:{now:%Y-%m-%dT%H%M%S}"
    with database().transaction() as connection:
        retraining.file(connection, classifier, key, now, f"{reason} ({person()})", forced=True)
    with output.progress(f"retraining {name}"), orchestrated("retrain") as flow:
        result = flow.retrain(name, key)
    output.emit(
        result, lambda: print(f"{result.key}: {result.state}, version {result.version}\n{result.history[-1]['why']}")
    )
    if result.state != "promoted":
        raise typer.Exit(1)


def backfill(
    name: NameArgument,
    first: Annotated[
        str | None,
        typer.Option("--from", help="The first partition; by default the source's first.", show_default=False),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", help="The last partition, included; by default the one that is due.", show_default=False),
    ] = None,
    stage: Annotated[
        StageName | None, typer.Option("--stage", help="Only this stage; all by default.", show_default=False)
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Stages that never ran or were rejected (the default).")
    ] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Also stages whose input has changed since.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All stages, finished or not.")] = False,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency",
            min=1,
            help="How many processes share the partitions; by default several where there are many partitions.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be done.")] = False,
    json: Json = False,
) -> None:
    """Run the stages that are missing or stale.

    The ledger says which. Finished stages are skipped, so a backfill can be stopped and run again.
    """
    temporary_server.begin()
    from leeway.cli.orchestrated import chosen_partition, orchestrated
    from leeway.definition import catalog

    if missing + stale + everything > 1:
        raise typer.BadParameter("give one of --missing, --stale and --all")
    which: Literal["all", "stale", "missing"] = "all" if everything else "stale" if stale else "missing"
    if first is not None:
        begin = read_partition(catalog.load(name), first, "--from")
    if last is not None:
        chosen_partition(name, last, "--to")
    if first is not None and last is not None and begin > read_partition(catalog.load(name), last, "--to"):
        raise typer.BadParameter(f"--from {first} is later than --to {last}")
    with output.progress(f"backfilling {name}") as update, orchestrated("backfill") as flow, reporting(update):
        result = flow.backfill(name, first, last, stage.value if stage else None, which, dry_run, concurrency)

    def say() -> None:
        if dry_run and not result.planned:
            print("nothing is due")
            return
        if dry_run:
            output.table(
                f"{len(result.planned)} steps are due",
                ("partition", "stage", "why"),
                [list(step.values()) for step in result.planned],
            )
            if result.planned and result.seconds is not None:
                print(f"about {output.duration(result.seconds)}, by how long these stages took lately")
            return
        print(f"{result.done} of {len(result.planned)} steps done")
        for line in _failures(result.failed):
            print(line)

    output.emit(result, say)
    if result.failed:
        raise typer.Exit(1)


def accept(
    name: NameArgument,
    partition: Annotated[str, typer.Argument(help="The partition with a data fault.", show_default=False)],
    reason: ReasonOption,
    json: Json = False,
) -> None:
    """Accept a partition that has a data fault.

    Its data is as it should be, and later data like it is no fault either.
    """
    from leeway.cli.orchestrated import person
    from leeway.definition import catalog
    from leeway.monitoring.acceptance import accept

    chosen = read_partition(catalog.load(name), partition, "PARTITION")
    why = accept(name, chosen, reason, person())
    output.emit({"partition": chosen.key, "why": why}, lambda: print(f"{name} {chosen}: {why}"))


def demo(
    folder: Annotated[str, typer.Argument(help="Where the demo keeps its data; emptied every time.")] = "leeway-demo",
    json: Json = False,
) -> None:
    """Play a classifier's life on simulated card payments.

    Prints the timeline of its nights.
    """
    from leeway.cli.demo import play

    timeline = play(folder)
    output.emit(timeline, timeline.say)
    if not timeline.as_told:
        raise typer.Exit(1)


COMMANDS = (demo, ingest, score, monitor, nightly, accept, train, retrain, backfill)


def _ingest_history(name: str) -> None:
    """Ingest the source's history before the first training."""
    from leeway.cli.orchestrated import orchestrated
    from leeway.definition import catalog
    from leeway.store import ledger
    from leeway.store.database import database

    classifier = catalog.load(name)
    with database().transaction() as connection:
        if ledger.entries(connection, name):
            return
    output.note(f"nothing of {name} is ingested yet: the source's history is ingested first")
    with output.progress(f"ingesting {name}") as update, orchestrated("backfill") as flow, reporting(update):
        done = flow.backfill(name, stage="ingest", dry_run=False)
    output.note(f"{classifier.partition.count(done.done)} ingested, {len(done.failed)} failed")
    for line in _failures(done.failed):
        output.note(line)


def _failures(failed: "Mapping[str, str]") -> "Iterator[str]":
    """Yield a line for each partition that failed; one for several in a row that failed alike."""
    from itertools import groupby

    alike = groupby(failed.items(), key=lambda item: item[1].replace(item[0], ""))
    for _, items in alike:
        own = list(items)
        more = f" and {len(own) - 1} more up to {own[-1][0]}, alike" if len(own) > 1 else ""
        yield f"{own[0][0]}{more}: {own[0][1]}"


def _run(verb: str, name: str, partition: str | None) -> Any:
    """Run one verb's flow for one partition."""
    temporary_server.begin()
    from leeway.cli.orchestrated import chosen_partition, orchestrated

    chosen = chosen_partition(name, partition)
    with output.progress(f"{verb} {name} {chosen}") as update, orchestrated(verb) as flow, reporting(update):
        return getattr(flow, verb)(name, chosen)


def _moment(option: str, text: str) -> "datetime":
    """Read an instant that is past; a time without a zone is UTC."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongValue(option, text, wanted="date", example="2026-04-01") from None
    if moment > datetime.now(UTC):
        raise WrongValue(option, text, wanted="time in the past", example="2026-04-01")
    return moment


def _say_decision(name: str, decision: "Decision") -> None:
    from dataclasses import asdict

    from leeway.definition import catalog
    from leeway.lifecycle import open_questions
    from leeway.profiling.questions import ANSWER

    print(f"{name} version {decision.version}: {'promoted' if decision.promoted else 'refused'}")
    asked = open_questions.of_evidence(catalog.load(name), [asdict(verdict) for verdict in decision.verdicts])
    for question in asked:
        print(f"  Only you can know: {question}.")
    if asked:
        print(f"  Answer in models/{name}.py: {ANSWER}.")
    for verdict in decision.verdicts:
        print(f"  {verdict.gate}: {verdict.outcome}, {verdict.why}")
