"""The check of a definition and its suite.

Loading a file stops at its first error. This check finds all errors with their lines: it evaluates the arguments of the one
`Classifier` call, and the expectations of the suite, one by one.
"""

import ast
import difflib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from leeway.core.errors import DeliveryRejected, LeewayError, SourceError
from leeway.core.settings import settings
from leeway.definition import Classifier, catalog
from leeway.definition.partitions import Partition
from leeway.definition.python_file import Evaluation, called, line_of
from leeway.ingest import contract, meaning, sources
from leeway.ingest.sources.kinds import kind_of
from leeway.lifecycle import registry
from leeway.lifecycle.open_questions import of_newest, unanswered
from leeway.model.inputs import model_input
from leeway.profiling import telling
from leeway.profiling.leakage import MAX_ROWS
from leeway.profiling.questions import Question
from leeway.training.learners import why_not

LEAST_ROWS = 200  # labelled ones, to ask by


@dataclass(frozen=True, order=True)
class Problem:
    """One problem in a file.

    Attributes:
        file: relative to the project.
        line: 0 for the file as a whole.
    """

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"


def check(name: str) -> list[Problem]:
    """Return all problems of a definition and its suite.

    They are sorted by file and line.

    Raises:
        NotFound: there is no such classifier.
    """
    path = catalog.definition_path(name)
    findings = [Problem(f"models/{name}.py", line, what) for line, what in _definition(path, name)]
    known = None
    if not findings:
        try:
            known = catalog.load(name)
        except LeewayError as error:
            findings.append(Problem(f"models/{name}.py", 0, str(error)))
    suite = catalog.expectations_path(name)
    findings += [Problem(f"expectations/{name}.py", line, what) for line, what in _suite(suite, name, known)]
    return sorted(set(findings))


def check_all(name: str) -> list[Problem]:
    """Return all problems, also of candidates and source.

    Candidates and the source's newest rows are checked where the definition has no problem.

    Raises:
        NotFound: there is no such classifier.
        StoreError: the database, which remembers what has arrived, does not answer.
    """
    findings = check(name)
    if any(item.file == f"models/{name}.py" for item in findings):
        return findings
    classifier = catalog.load(name)
    return sorted({*findings, *_changes(classifier), *check_candidates(classifier), *check_source(classifier)})


def _changes(classifier: Classifier) -> list[Problem]:
    """Return what the definition says otherwise than when the stored rows were read."""
    way_out = f"undo it, or decide by `leeway adopt {classifier.name}`"
    return [
        Problem(f"models/{classifier.name}.py", 0, f"{change}; {way_out}") for change in meaning.changes_of(classifier)
    ]


def check_candidates(classifier: Classifier) -> list[Problem]:
    """Return the candidates that this machine cannot train."""
    file, path = f"models/{classifier.name}.py", catalog.definition_path(classifier.name)
    tree = ast.parse(path.read_text(), str(path))
    wrong = [(item, why_not(item)) for item in classifier.candidates]
    return [
        Problem(file, line_of(tree, repr(getattr(item, "path", "candidates"))) or 0, why) for item, why in wrong if why
    ]


def check_source(classifier: Classifier) -> list[Problem]:
    """Return the problems of the source's newest rows.

    Problems are missing columns, and so many values of a wrong kind that the delivery would be rejected.

    Raises:
        StoreError: the database, which remembers what has arrived, does not answer.
    """
    path = catalog.definition_path(classifier.name)
    tree = ast.parse(path.read_text(), str(path))

    def finding(what: str, about: str) -> Problem:
        line = line_of(tree, repr(about)) or line_of(tree, "'source'")
        return Problem(f"models/{classifier.name}.py", line or 0, what)

    now = datetime.now(UTC)
    try:
        checked = contract.check(classifier, *_newest(classifier, now), now=now)
    except DeliveryRejected as error:
        quoted = re.findall(r"'([^']+)'", str(error.found))
        return [finding(f"{error.problem} (found: {error.found})", name) for name in quoted[:1] or [""]]
    except SourceError as error:
        return [finding(str(error), "")]
    rows, most = len(checked.rows), classifier.quarantine_limit * len(checked.rows)
    bad = Counter(rule for place, rules in checked.broken.items() if place not in checked.unread for rule in rules)
    found = [
        finding(f"{rule}; {count:,} of the newest {rows:,} rows are not", rule.partition(":")[0])
        for rule, count in bad.most_common()
        if count > most
    ]
    if len(checked.unread) > most:
        (first,) = checked.broken[min(checked.unread)]
        found.append(finding(f"{len(checked.unread):,} of the newest {rows:,} lines are no rows, such as {first}", ""))
    return found


def open_questions(classifier: Classifier) -> list[Question]:
    """Return what only a person can know of the columns.

    It is what the gates asked about the newest version, and what the source's newest labelled rows show.

    Raises:
        SourceError: the source's newest rows cannot be read.
        StoreError: the database does not answer.
    """
    chosen = settings()
    asked: list[Question] = []
    if chosen.database_url or chosen.home.joinpath("postgres").exists():  # none is started only to find nothing
        asked = of_newest(classifier, registry.history(classifier.name))
    named = {name for item in asked for name in item.columns}
    return [*asked, *(item for item in _of_newest_rows(classifier) if not named & set(item.columns))]


def _of_newest_rows(classifier: Classifier) -> list[Question]:
    now = datetime.now(UTC)
    try:
        checked = contract.check(classifier, *_newest(classifier, now), now=now)
    except DeliveryRejected:  # a finding says so
        return []
    good = checked.labels.notna() & ~checked.labels.index.isin(list(checked.broken))
    places = np.flatnonzero(good.to_numpy())
    if len(places) < LEAST_ROWS:
        return []
    random = np.random.default_rng([classifier.training.seed, *b"leeway"])
    if len(places) > MAX_ROWS:
        places = np.sort(random.choice(places, MAX_ROWS, replace=False))
    rows, outputs = checked.rows.iloc[places], classifier.label.outputs
    own = {
        name: kind
        for name, kind in classifier.features.items()
        if name in classifier.columns and kind != "text" and not classifier.is_answered(name)
    }
    x = model_input(rows, own)
    for name in classifier.timestamps:
        x[name] = (rows[name] - rows[classifier.time_column]).dt.total_seconds()
    y = outputs.matrix(checked.labels.iloc[places])
    told = telling.suspicions(x, y, random.random(len(places)) < 0.5, exclusive=outputs.exclusive)
    return unanswered(classifier, [Question(item.columns, item.why) for item in told])


def _newest(classifier: Classifier, now: datetime) -> tuple[Partition, pd.DataFrame]:
    """Return the source's newest partition and its rows.

    Where listing the partitions is expensive, this is the due one, if it has rows.
    """
    partition = sources.due(classifier, now)
    if not kind_of(classifier.source).is_listed and len(rows := sources.extract(classifier, partition, now=now)):
        return partition, rows
    if there := sources.occupied(classifier, now):  # a table may have ended a while ago
        partition = there[-1]
    return partition, sources.extract(classifier, partition, now=now)


def _definition(path: Path, name: str) -> Iterator[tuple[int, str]]:
    try:
        tree = ast.parse(path.read_text(), str(path))
    except (SyntaxError, UnicodeDecodeError) as error:
        yield getattr(error, "lineno", 0) or 0, f"it is not Python: {getattr(error, 'msg', error)}"
        return
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == "Classifier"]
    if len(calls) != 1:
        yield 0, f"it holds {len(calls)} Classifier(…) calls; write exactly one"
        return
    evaluation = Evaluation(path, {"__file__": str(path), "__name__": f"_leeway_check_{name}"})
    for statement in tree.body:
        if calls[0] not in ast.walk(statement):
            evaluation.run(statement)
    evaluation.classifier(calls[0], name)
    yield from evaluation.findings


def _suite(path: Path, name: str, classifier: Classifier | None) -> Iterator[tuple[int, str]]:
    if not path.exists():
        yield 0, "there is no suite, so the data is not audited; write one"
        return
    try:
        tree = ast.parse(path.read_text(), str(path))
    except (SyntaxError, UnicodeDecodeError) as error:
        yield getattr(error, "lineno", 0) or 0, f"it is not Python: {getattr(error, 'msg', error)}"
        return
    evaluation = Evaluation(path, {"__file__": str(path), "__name__": f"_leeway_check_suite_{name}"})
    for statement in tree.body:
        if not _assigns(statement, "expectations"):
            evaluation.run(statement)
            continue
        assert isinstance(statement, ast.Assign)
        items = statement.value.elts if isinstance(statement.value, ast.List | ast.Tuple) else []
        if not items:
            evaluation.run(statement)
        for item in items:
            starred = isinstance(item, ast.Starred)
            evaluation.value(ast.List([item], ast.Load(), lineno=item.lineno, col_offset=0) if starred else item)
    if evaluation.findings:
        yield from ((line, " ".join(what.split())) for line, what in evaluation.findings)
        return
    try:
        from leeway.ingest.audit import HOURS_TO_END, columns_of, load_suite

        suite = load_suite(name)
    except LeewayError as error:
        yield 0, str(error)
        return
    if classifier is not None:
        known = {*classifier.source_columns, HOURS_TO_END}
        for column in sorted(columns_of(suite) - known):
            close = difflib.get_close_matches(column, known, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            hint += f"; `leeway check {name} --fix` drops its expectations"
            yield line_of(tree, f"{column!r}") or 0, f"the column {column!r} is not declared in the definition{hint}"


def _assigns(statement: ast.stmt, name: str) -> bool:
    return isinstance(statement, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == name for target in statement.targets
    )
