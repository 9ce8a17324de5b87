"""The profile of a table: every guess of `leeway new`."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

import pandas as pd

from leeway.core.errors import SourceError
from leeway.definition import MAX_IDENTIFIER, RESERVED_COLUMNS, CalendarPart, Grain
from leeway.definition.partitions import Partition
from leeway.profiling import expect, reading, roles, timing
from leeway.profiling.columns import ColumnProfile, centuries_decided, inspect_all
from leeway.profiling.leakage import questions
from leeway.profiling.options import Options, one_role_each
from leeway.profiling.questions import NOT_KNOWN, Question
from leeway.profiling.reading import Sample
from leeway.profiling.roles import DateParts, LabelGuess
from leeway.profiling.timing import Timing

REPEATED = 0.9  # share of different values, below which an identifier names an entity of several rows
ENTITY = "identifies an entity of several rows; name it by --entity"
TIME_HOLDOUT, RANDOM_HOLDOUT = 0.25, 0.2

Use = Literal["feature", "event id", "event time", "label", "label time", "entity", "sensitive", "set aside"]


@dataclass(frozen=True)
class Used:
    """The use of one column, with the reason.

    Attributes:
        known: whether somebody has said that it is known when the event happens.
    """

    column: ColumnProfile
    use: Use
    why: str = ""
    known: bool = False

    @property
    def reason(self) -> str:
        """The reason, and what is doubtful about the column."""
        return "; ".join(dict.fromkeys(said for said in (self.why, self.column.doubt) if said))


@dataclass(frozen=True)
class Profile:
    """A table with all guesses about it.

    Attributes:
        used: every column of the source, in its order.
        event_id: None where a row's content is its id.
        event_time: None where rows are dated by their arrival.
        parts: the three columns that make up the event time, where it is not one column.
        delay: how long after the event its label is known, where there is no column for it.
        empty_partitions: whether there are periods without a row between the first and the last.
        calendar: parts of the event time to learn from.
        renamed: the new names of columns whose names are reserved.
        tried: how many rows were read as the nights will read them.
        unreadable: rules that some of these break, so that they will go to quarantine.
        left_out: expectations that would reject a delivery of the table itself, each with that partition.
        questions: what a person must still say.
    """

    options: Options
    sample: Sample
    outcome: LabelGuess
    used: dict[str, Used]
    event_id: str | None
    event_time: str | None
    parts: DateParts | None
    time: pd.Series | None
    label_time: str | None
    delay: timedelta
    grain: Grain
    empty_partitions: bool
    calendar: tuple[str, ...]
    expectations: list[expect.Expectation]
    renamed: dict[str, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    tried: int = 0
    unreadable: tuple[str, ...] = ()
    left_out: tuple[tuple[expect.Expectation, Partition], ...] = ()

    @property
    def kept_expectations(self) -> list[expect.Expectation]:
        """The expectations of the suite."""
        left_out = [item for item, _ in self.left_out]
        return [item for item in self.expectations if item not in left_out]

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns whose values are groups of people, to be decided on alike."""
        return tuple(
            name
            for name, used in self.declared.items()
            if used.column.slice and used.column.holds in ("categorical", "boolean")
        )

    @property
    def declared(self) -> dict[str, Used]:
        """The columns of an event in the definition."""
        return {name: used for name, used in self.used.items() if used.use in ("feature", "entity", "sensitive")}


def profile(options: Options, *, now: datetime | None = None, aside: Mapping[str, str] | None = None) -> Profile:
    """Read a sample of a table and profile it.

    Args:
        aside: columns that are no features, with the reason.

    Raises:
        SourceError: the data cannot be read, lacks a named column, or has a label that cannot be learnt.
    """
    table = reading.describe(
        options.data,
        sql=options.query,
        delimiter=options.delimiter,
        encoding=options.encoding,
        header=options.header,
        named=[name for names in options.named.values() for name in names],
    )
    one_role_each(options)
    sample = reading.draw(table, count=options.label)
    _has_named(options, sample)
    columns = inspect_all(sample.rows, whole=sample.whole)
    _hold_single_values(options, columns)
    outcome = roles.outcome(options.label, sample.rows, sample.counts, sample.total, options.positive)
    others = {name: column for name, column in columns.items() if name not in options.label}

    when = timing.timing(options, sample, others, now)
    if when.values is not None:
        columns |= (others := centuries_decided(others, sample.rows, when.values.max()))
    taken = {when.column, options.entity, options.label_time, *options.keep}
    free = {name: column for name, column in others.items() if name not in taken}
    event_id = options.id or roles.event_id(free, lambda name: sample.whole or not any(_repetitions(sample, name)))
    if options.id is not None:
        _identifies(options.id, sample)

    used, asked = _uses(options, columns, outcome, event_id, when, aside or {})
    dated = options.label_time and timing.can_date_labels(columns[options.label_time].values, when.values)
    grain = timing.grain(when.values, sample)
    features = _learnt_from(used, options, when.values)
    return Profile(
        options,
        sample,
        outcome,
        used,
        event_id,
        when.column,
        when.parts,
        when.values,
        options.label_time if dated else None,
        options.label_delay or timedelta(0),
        grain,
        timing.has_empty(when.values, grain),
        timing.calendar(when.values),
        expect.suite(features, event_id, timing.deliveries(when.values, grain, sample)),
        _renamed([item.column for item in used.values() if item.use in ("feature", "entity", "sensitive")]),
        tuple(asked),
    )


def answered(found: Profile, answers: Mapping[str, bool]) -> Profile:
    """Return a profile in which questions are answered.

    Args:
        answers: whether a column is known when the event happens. Those of which nothing is asked are left out.

    Raises:
        SourceError: no column is left to learn from.
    """
    asked = {name for question in found.questions for name in question.columns}
    given = {name: known for name, known in answers.items() if name in asked}
    if not given:
        return found
    used = dict(found.used)
    for name, known in given.items():
        use, why = ("feature", "") if known else ("set aside", NOT_KNOWN)
        used[name] = Used(used[name].column, use, why, known=known)  # type: ignore[arg-type]
    features = _learnt_from(used, found.options, found.time)
    return replace(
        found,
        used=used,
        questions=tuple(item for item in found.questions if not set(item.columns) <= set(given)),
        expectations=expect.suite(features, found.event_id, timing.deliveries(found.time, found.grain, found.sample)),
        renamed=_renamed([item.column for item in used.values() if item.use in ("feature", "entity", "sensitive")]),
    )


def _learnt_from(used: Mapping[str, Used], options: Options, time: pd.Series | None) -> list[ColumnProfile]:
    features = [item.column for item in used.values() if item.use == "feature"]
    if not features and time is None:
        raise SourceError(
            f"profiling {options.data}",
            problem="there is no column to learn from",
            found="; ".join(f"{name}: {item.why or item.use}" for name, item in list(used.items())[:6]),
            hint="keep a column by --keep, or give a table with more columns",
        )
    return features


def _uses(
    options: Options,
    columns: Mapping[str, ColumnProfile],
    outcome: LabelGuess,
    event_id: str | None,
    when: Timing,
    aside: Mapping[str, str],
) -> tuple[dict[str, Used], list[Question]]:
    roles_of: dict[str, Use] = dict.fromkeys(options.label, "label")
    for name, use in ((event_id, "event id"), (when.column, "event time"), (options.entity, "entity")):
        if name is not None:
            roles_of[name] = use  # type: ignore[assignment]
    if options.label_time:
        roles_of[options.label_time] = "label time"
    used: dict[str, Used] = {}
    candidates: dict[str, ColumnProfile] = {}
    for name, column in columns.items():
        if name in roles_of:
            used[name] = Used(column, roles_of[name])
        elif name in aside:
            used[name] = Used(column, "set aside", aside[name])
        elif name in options.keep:
            used[name] = Used(column, "feature", "kept, as asked")
            candidates[name] = column
        elif (reason := _no_feature(column, when.parts)) is not None:
            used[name] = Used(column, "sensitive" if column.personal else "set aside", reason)
        else:
            used[name] = Used(column, "feature")
            candidates[name] = column
    asked: list[Question] = []
    for question in questions(candidates, outcome, when.values):
        for name in question.columns:
            if name in options.keep:  # to keep one is to say that it is known
                used[name] = replace(used[name], known=True)
            elif question.aside:
                used[name] = Used(columns[name], "set aside", question.why)
        if left := tuple(name for name in question.columns if name not in options.keep):
            asked.append(replace(question, columns=left))
    return {name: used[name] for name in columns}, asked


def _no_feature(column: ColumnProfile, parts: DateParts | None) -> str | None:
    if column.personal:
        return f"looks like personal data: {column.personal}"
    if parts is not None and column.name in (parts.year, parts.month, parts.day):
        return f"a part of {parts.name}"
    if column.holds == "empty":
        return "has no value"
    if column.holds == "nested":
        return column.doubt
    if column.holds == "constant":
        return "has one value only" if column.missing_share == 0 else None
    if column.holds == "identifier":
        several = column.distinct < REPEATED * column.values.notna().sum()
        return ENTITY if several else "identifies a row"
    return None


def _repetitions(sample: Sample, name: str) -> tuple[int, int]:
    if sample.whole:
        return reading.repetitions_in([sample.rows[name]])
    return reading.repetitions(sample.table, name)


def _identifies(name: str, sample: Sample) -> None:
    missing, repeated = _repetitions(sample, name)
    if missing or repeated:
        found = [f"{repeated:,} rows repeat another's"] if repeated else []
        found += [f"{missing:,} rows have none"] if missing else []
        raise SourceError(
            f"reading the event id {name!r}",
            problem="its values are not unique" if repeated else "some rows have no value",
            found=f"{' and '.join(found)}, of {sample.total:,}",
            hint="name another column by --id, or leave it out: then a row's content is its id",
        )


def _has_named(options: Options, sample: Sample) -> None:
    names = [str(name) for name in sample.rows.columns]
    asked = [name for named in options.named.values() for name in named]
    for name in [name for name in asked if name not in names]:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        shown = ", ".join(names[:12]) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
        raise SourceError(
            f"reading {options.data}",
            problem=f"there is no column {name!r}",
            found=shown,
            hint=f"did you mean {close[0]!r}?" if close else "name one of these",
        )


def _hold_single_values(options: Options, columns: Mapping[str, ColumnProfile]) -> None:
    for option in ("--keep", "--entity"):
        for name in options.named.get(option, ()):
            if columns[name].holds == "nested":
                raise SourceError(
                    f"reading {option} {name!r}",
                    problem="the column does not hold single values",
                    found=columns[name].doubt,
                    hint="leave it out, or split it into single values in a query or a file of your own",
                )


def _renamed(columns: Sequence[ColumnProfile]) -> dict[str, str]:
    """Choose new names for columns whose names cannot be used.

    Such a name is reserved, too long for the database, or empty.
    """
    names = [column.name for column in columns]
    dated = ["event", *(column.name for column in columns if column.holds == "timestamp")]
    taken = RESERVED_COLUMNS | {f"{name}_{part}" for name in dated for part in get_args(CalendarPart)}
    if "event" in dated[1:]:
        taken |= {"event"}
    renamed: dict[str, str] = {}
    for name in names:
        if name and name not in taken and len(name.encode()) <= MAX_IDENTIFIER:
            continue
        short = name.encode()[: MAX_IDENTIFIER - 10].decode(errors="ignore").strip() or "column"
        new, number = f"{short}_given", 2
        while new in names or new in renamed.values():
            new, number = f"{short}_given{number}", number + 1
        renamed[name] = new
    return renamed
