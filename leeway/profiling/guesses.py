"""The guesses about a table, for a person to read."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd

from leeway.ingest.times import are_days, without_zone
from leeway.profiling.profile import ENTITY, Profile
from leeway.profiling.timing import ENOUGH_ROWS

Guess = tuple[str, str, str]


def guesses(found: Profile) -> Iterator[Guess]:
    """Yield each guess with its reason, or how to change it."""
    yield from _source(found)
    yield from _night(found)
    yield _label(found)
    yield "event id", found.event_id or "none: a row's content is its id", "" if found.options.id else "--id"
    yield from _entity(found)
    yield _event_time(found)
    yield _label_known(found)
    yield (
        "partition",
        found.grain.name,
        "; ".join(_about_grain(found)) if found.time is not None else "",
    )
    if found.groups:
        yield (
            "groups",
            f"{', '.join(found.groups)}: how differently they are decided on is measured",
            "Gates.group_tolerance",
        )


def _about_grain(found: Profile) -> Iterator[str]:
    yield f"the finest with {ENOUGH_ROWS} rows, if there is one; hours of a short history only"
    if found.empty_partitions:
        yield "some have no rows, which is allowed"


def _source(found: Profile) -> Iterator[Guess]:
    table = found.sample.table
    size = f"{found.sample.total:,} rows, {len(found.used)} columns"
    text = "" if table.form is None else f"CSV, delimiter {table.form.delimiter!r}, {table.form.encoding}"
    how = {"csv": text, "parquet": "Parquet", "query": "a query"}
    notes = [] if found.sample.whole else [f"guessed from {len(found.sample.rows):,} rows drawn from all"]
    if table.form is not None and not table.form.encoding.startswith("utf") and (word := _beyond_ascii(found)):
        notes.append(f"reads as {word!r}; --encoding")
    yield "source", f"{how[table.kind]}; {size}", "; ".join(notes)
    if table.form is not None and table.form.header is not None:
        yield "header", "none; columns are named column_1, column_2, …", "--header, if the first line has names"
    if table.told:
        yield "lines", "; ".join(table.told), ""
    count, examples = found.sample.unread
    if count:
        yield "unread", f"{count:,} lines are no rows, and go to quarantine", examples[0][:120]


def _beyond_ascii(found: Profile) -> str:
    """Return some text that another encoding would show otherwise."""
    rows = found.sample.rows
    texts = (text for name in rows for text in (str(name), *rows[name].dropna().drop_duplicates().head(1_000)))
    found_text = next((str(text) for text in texts if not str(text).isascii()), "")
    return next((word for word in found_text.split() if not word.isascii()), "")[:30]


def _night(found: Profile) -> Iterator[Guess]:
    for rule in found.unreadable[:5]:
        yield "quarantine", rule, "they cannot be read"
    if 0 < found.tried < found.sample.total:
        yield "tried", f"{found.tried:,} of {found.sample.total:,} rows", "the first nights read the others"
    for item, partition in found.left_out:
        yield "left out", f"{item.name} of {item.arguments.get('column', 'the table')}", f"it would reject {partition}"


def _label(found: Profile) -> Guess:
    outcome = found.outcome
    first = outcome.classes[0]
    classes = {
        "binary": f"binary, positive is {first}, {outcome.rows.get(first, 0):,} rows",
        "multiclass": f"{len(outcome.classes)} classes, the rarest has {min(outcome.rows.values()):,}",
        "multilabel": f"{len(outcome.classes)} labels, any number of them at once, the rarest has "
        f"{min(outcome.rows.values()):,}",
    }[outcome.kind]
    unlabelled = f", {outcome.unlabelled:,} without a label" if outcome.unlabelled else ""
    notes = ["the rarer one; --positive"] if outcome.kind == "binary" and found.options.positive is None else []
    notes += [f"{' and '.join(alike)} are different classes" for alike in outcome.alike]
    return "label", f"{', '.join(outcome.columns)}: {classes}{unlabelled}", "; ".join(notes)


def _entity(found: Profile) -> Iterator[Guess]:
    """Yield what rows are about, or what they may be about."""
    if found.options.entity is not None:
        yield "entity", found.options.entity, ""
        return
    repeated = [name for name, used in found.used.items() if used.why == ENTITY]
    if repeated:
        column = found.used[repeated[0]].column
        rows = int(column.values.notna().sum())
        seen = f"{repeated[0]}: {column.distinct:,} of them in {rows:,} rows"
        yield "entity", f"none; perhaps {seen}", f"--entity {repeated[0]}"


def _event_time(found: Profile) -> Guess:
    if found.event_time is None:
        return "event time", "none: rows are dated by their arrival", "--time"
    notes = [] if found.options.time else ["--time"]
    if found.event_time in found.used and (doubt := found.used[found.event_time].column.doubt):
        notes.append(doubt)
    if found.event_time in found.sample.rows:
        notes += _clock(found, found.sample.rows[found.event_time])
    if found.time is not None and (missing := float(found.time.isna().mean())):
        notes.append(f"{missing:.2%} of the rows have no readable time, and go to quarantine")
    return "event time", found.event_time, "; ".join(notes)


def _clock(found: Profile, raw: "pd.Series[Any]") -> Iterator[str]:
    """Yield what is doubtful of event times that have no zone, or no clock."""
    column = found.used[found.event_time or ""].column
    formats = column.times.formats if column.times else ()
    raw = raw.mask(column.values.isna())
    given, days, bare = raw.notna(), are_days(raw, formats), without_zone(raw, formats)
    if 0 < days.sum() < given.sum():
        yield f"{_of(days, given)} are days without a clock, and count as midnight"
    if (timed := bare & ~days).any():
        yield f"{_of(timed, given)} have no zone, and are read as UTC: timezone= in the definition's source"


def _of(some: "pd.Series[bool]", given: "pd.Series[bool]") -> str:
    return "they" if some.sum() == given.sum() else f"{some.sum():,} of {given.sum():,}"


def _label_known(found: Profile) -> Guess:
    options = found.options
    if found.label_time:
        return "label known", f"at {found.label_time}", ""
    known = f"{in_words(found.delay)} after the event" if found.delay else "with the event"
    if options.label_time:
        return "label known", known, f"{options.label_time} lies before the event in some rows"
    return "label known", known, "" if options.label_delay else "--label-time, --label-delay"


def in_words(span: timedelta) -> str:
    """Write a duration in its largest whole unit, as `30 days`."""
    seconds = span.total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f} {unit}{'s' if seconds > length else ''}"
    return f"{seconds:g} seconds"
