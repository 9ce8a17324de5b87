"""The audit of a delivery with the classifier's suite.

This is the one module that uses Great Expectations.
"""

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self, cast

import pandas as pd

from leeway.core.errors import DefinitionError, DeliveryRejected, NotFound
from leeway.definition import Classifier, catalog
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries
from leeway.ingest.contract import Checked, check, check_delivery
from leeway.ingest.times import occur_twice
from leeway.store import storage

#: A column that every suite may use: the hours from an event to the end of its partition.
HOURS_TO_END = "hours_to_partition_end"
NOT_NULL = "expect_column_values_to_not_be_null"


@dataclass(frozen=True)
class Audit:
    """The result of auditing one delivery.

    Attributes:
        delivery: the delivery's hash.
        rows: the number of its rows.
        expectations: the number of expectations evaluated.
        broken: by row position, the rules that the row broke; these rows go to quarantine.
        failed: table-level rules that the delivery broke; with any, it is rejected as a whole.
        warnings: broken rules of lesser severity.
        at: the time of the audit, in ISO 8601; event times after it lie in the future.
        repeated: positions of exact repetitions of an earlier row.
    """

    delivery: str
    rows: int
    expectations: int
    broken: dict[int, list[str]]
    failed: list[str]
    warnings: list[str]
    at: str
    repeated: list[int] = field(default_factory=list)

    def must_pass(self, action: str) -> None:
        """Refuse a delivery that broke a table-level rule.

        Raises:
            DeliveryRejected: the delivery broke one.
        """
        if self.failed:
            raise DeliveryRejected(
                action,
                problem="the delivery breaks a table-level expectation, and is not published",
                found="; ".join(self.failed),
                hint=f"the delivery is kept as {self.delivery[:12]}; correct the source, or the suite, and ingest again",
            )

    def save(self, path: Path) -> None:
        """Write the result beside its delivery."""
        with storage.replacing(path, "writing an audit") as beside:
            beside.write_text(json.dumps(asdict(self), sort_keys=True))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a result back.

        Raises:
            NotFound: there is no result.
        """
        if not storage.exists(path):
            raise NotFound(
                "reading an audit",
                problem="the delivery was not audited",
                found=f"no {storage.address(path)}",
                hint="run `leeway ingest` for it again",
            )
        fields = json.loads(storage.read(path))
        return cls(**{**fields, "broken": {int(row): rules for row, rules in fields["broken"].items()}})


def audit_path(name: str, partition: Partition, delivery: str) -> Path:
    """Return the path of a delivery's audit."""
    return deliveries.path_of(name, partition, delivery).with_suffix(".audit.json")


def audit(classifier: Classifier, partition: Partition, delivery: str) -> Audit:
    """Audit a delivery, and write the result beside it.

    It is checked by the definition and the suite. Rows that break a row-level expectation go to quarantine; with `mostly` below
    1, a delivery with a smaller share of good rows is rejected. A failed table-level expectation rejects the delivery. Only
    severity `critical` counts. A delivery without rows, where the definition allows it, breaks no expectation.

    Raises:
        DefinitionError: the suite is empty, or not all of its expectations could be loaded.
        DeliveryRejected: the delivery must not be published.
    """
    judge = _judge_of(classifier.name, catalog.audit_fingerprint(classifier.name))
    now = datetime.now(UTC)
    raw, checked = check_delivery(classifier, partition, delivery, now=now)
    if checked.rows.empty:
        result = Audit(delivery, 0, 0, {}, [], [], now.isoformat())
        result.save(audit_path(classifier.name, partition, delivery))
        return result
    result = _judge(judge, _dated(classifier, partition, checked), delivery, now, sensitive=_sensitive(classifier))
    result.warnings.extend(_shown_twice(classifier, raw))
    if (most := _beyond_limit(classifier, result)) is not None:
        rule, count = most
        result.failed.insert(  # first: it names the rule that most rows broke, which may have led to the others
            0,
            f"quarantine_limit: {len(result.broken) / result.rows:.0%} of the rows are bad, "
            f"more than {classifier.quarantine_limit:.0%}, most by '{rule}' ({count} rows)",
        )
    if undeclared := sorted(columns_of(judge.suite) - {*classifier.source_columns, *checked.rows, HOURS_TO_END}):
        result.failed.insert(
            0,
            f"the suite is about {', '.join(undeclared)}, which the definition does not declare: "
            f"`leeway check {classifier.name} --fix` drops these expectations",
        )
    result.save(audit_path(classifier.name, partition, delivery))
    result.must_pass(f"auditing {classifier.name} {partition}")
    return result


def failing(
    classifier: Classifier,
    declared: Sequence[object],
    rows: Mapping[Partition, pd.DataFrame],
    *,
    now: datetime,
    seconds: float,
) -> dict[str, Partition]:
    """Return the rules of a suite by which whole deliveries would be rejected, each with the first of these.

    Args:
        declared: the expectations of a suite that is not written yet.
        rows: raw, by their partition.
        seconds: after which no further partition is looked at.
    """
    until = time.monotonic() + seconds
    judge = _judge_by(_suite(classifier.name, declared))
    rules = [_rule(item) for item in judge.suite.expectations]
    found: dict[str, Partition] = {}
    for partition, raw in rows.items():
        checked = _dated(classifier, partition, check(classifier, partition, raw, now=now))
        result = _judge(judge, checked, "", now, sensitive=_sensitive(classifier))
        told = [*result.failed, *([most[0]] if (most := _beyond_limit(classifier, result)) is not None else [])]
        for rule in rules:
            if any(text.startswith(rule) for text in told):
                found.setdefault(rule, partition)
        if time.monotonic() > until:
            break
    return found


def rule(name: str, arguments: Mapping[str, Any]) -> str:
    """Write an expectation, by its class's name, as the rule that messages name."""
    import great_expectations.expectations as gxe

    return _rule(getattr(gxe, name)(**arguments))


def _rule(expectation: Any) -> str:
    return _describe(expectation.configuration.type, expectation.configuration.kwargs)


def _beyond_limit(classifier: Classifier, result: Audit) -> tuple[str, int] | None:
    """Return the rule that most rows broke, with their number, where more rows are bad than the definition allows."""
    if len(result.broken) <= classifier.quarantine_limit * result.rows:
        return None
    rules = pd.Series([rule for broken in result.broken.values() for rule in broken]).value_counts()
    return str(rules.index[0]), int(rules.iloc[0])


def _shown_twice(classifier: Classifier, raw: pd.DataFrame) -> list[str]:
    """Tell of event times that a clock showed twice: the earlier instant is taken, which may be wrong by an hour."""
    name, source = classifier.time_column, classifier.source
    if name not in raw.columns:
        return []
    count = int(occur_twice(raw[name], source.timezone, source.formats(name)).sum())
    told = f"{name}: {count} rows lie in the hour that {source.timezone} had twice; the earlier is taken"
    return [told] if count else []


def load_suite(name: str) -> Any:
    """Load the suite of a classifier, with every expectation.

    Raises:
        DefinitionError: the suite is empty, or not all of it could be loaded.
    """
    return _suite(name, catalog.load_expectations(name))


def _suite(name: str, declared: Sequence[object]) -> Any:
    _quieten()
    import great_expectations as gx

    path = catalog.expectations_path(name)
    if not declared:
        raise DefinitionError(
            f"loading {path}",
            problem="the suite is empty, and would pass everything",
            found="0 expectations",
            hint="declare at least one; expectations/payments.py is an example",
        )
    try:
        suite = gx.ExpectationSuite(name=name, expectations=cast("Sequence[dict[str, Any]]", declared))
    except Exception as error:  # the library raises many kinds for a wrong argument
        raise DefinitionError(
            f"loading {path}",
            problem="an expectation is not valid",
            found=" ".join(str(error).split()),
            hint="correct its arguments",
        ) from error
    if len(suite.expectations) != len(declared):  # the library only logs what it cannot load
        raise DefinitionError(
            f"loading {path}",
            problem="some expectations do not load",
            found=f"{len(suite.expectations)} of {len(declared)} load",
            hint="correct the names of the others, and remove duplicates",
        )
    return suite


def _dated(classifier: Classifier, partition: Partition, checked: Checked) -> Checked:
    """Add the hours from each event to its partition's end.

    The smallest of them shows a late source.
    """
    before_end = (pd.Timestamp(partition.end) - checked.rows[classifier.time_column]).dt.total_seconds() / 3_600
    return replace(checked, rows=checked.rows.assign(**{HOURS_TO_END: before_end}))


def columns_of(suite: Any) -> set[str]:
    """Return the columns that a suite uses."""
    kwargs = [expectation.configuration.kwargs for expectation in suite.expectations]
    single = {value for item in kwargs for key in ("column", "column_A", "column_B") if (value := item.get(key))}
    return single | {name for item in kwargs for name in item.get("column_list") or item.get("column_set") or ()}


@dataclass(frozen=True)
class _Judge:
    """A suite in its own context, for many deliveries."""

    batches: Any
    suite: Any


@lru_cache(maxsize=4)
def _judge_of(name: str, _fingerprint: str) -> _Judge:
    return _judge_by(load_suite(name))


def _judge_by(suite: Any) -> _Judge:
    return _Judge(_batches(), suite)


@cache  # it takes longer to make than a small delivery to judge, and knows no suite
def _batches() -> Any:
    """Make a definition of batches, in a context of its own."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # In memory, and without the documentation site that the default configuration prepares for every context.
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults())
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("delivery")
    return asset.add_batch_definition_whole_dataframe("b")


def _sensitive(classifier: Classifier) -> frozenset[str]:
    return frozenset(name for name, column in classifier.columns.items() if column.sensitive)


def _judge(judge: _Judge, checked: Checked, delivery: str, now: datetime, *, sensitive: frozenset[str]) -> Audit:
    # The suite does not see exact repetitions, which are not stored again: they would break uniqueness. Nor does it see lines
    # that are no rows: each would be told once more for every column that may not be missing.
    unseen = checked.repeated | checked.unread
    seen = [position for position in range(len(checked.rows)) if position not in unseen]
    # By the batch, not by a ValidationDefinition, which would keep every result of this process's life.
    own_names = _distinct_whatever_the_case(checked.rows.columns)
    rows = checked.rows.iloc[seen].reset_index(drop=True).rename(columns=own_names)
    suite = _with_names(judge.suite, own_names) if own_names else judge.suite
    batch = judge.batches.get_batch(batch_parameters={"dataframe": rows})
    results = [_with_rows(batch, result) for result in batch.validate(suite, result_format="BASIC").results]
    repeated = sorted(checked.repeated)
    audit = Audit(delivery, len(checked.rows), len(results), dict(checked.broken), [], [], now.isoformat(), repeated)
    asked = len(judge.suite.expectations)
    if len(results) != asked:
        audit.failed.append(f"only {len(results)} of {asked} expectations were evaluated")
    for result in results:
        _take(result, audit, seen, sensitive, {new: name for name, new in own_names.items()})
    audit.failed.sort()
    audit.warnings.sort()
    return audit


def _distinct_whatever_the_case(columns: Iterable[str]) -> dict[str, str]:
    """Return new names of columns whose names differ from another's by case only.

    Great Expectations takes such names for one.
    """
    taken: set[str] = set()
    renamed: dict[str, str] = {}
    for name in columns:
        new, number = str(name), 2
        while new.casefold() in taken:
            new, number = f"{name} ({number})", number + 1
        taken.add(new.casefold())
        if new != name:
            renamed[str(name)] = new
    return renamed


def _with_names(suite: Any, names: Mapping[str, str]) -> Any:
    import great_expectations as gx

    renamed = []
    for expectation in suite.expectations:
        configuration = expectation.configuration.to_json_dict()
        configuration["kwargs"] = _named(configuration["kwargs"], names)
        renamed.append(configuration)
    return gx.ExpectationSuite(name=suite.name, expectations=renamed)


def _named(kwargs: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Replace the names of columns in an expectation's arguments."""

    def new(key: str, value: Any) -> Any:
        if not key.startswith("column"):
            return value
        if isinstance(value, list | tuple | set):
            return [names.get(item, item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    return {key: new(key, value) for key, value in kwargs.items()}


def _with_rows(batch: Any, result: Any) -> Any:
    """Add the positions of the broken rows to a result.

    They are looked up only where there are any, because counting is cheaper.
    """
    if not (result.result or {}).get("unexpected_count"):
        return result
    return batch.validate(
        result.expectation_config.to_domain_obj(),
        result_format={
            "result_format": "COMPLETE",
            "exclude_unexpected_values": True,
            "return_unexpected_index_query": False,
        },
    )


def _take(result: Any, audit: Audit, seen: list[int], sensitive: frozenset[str], names: Mapping[str, str]) -> None:
    from great_expectations.expectations.expectation import (
        ColumnMapExpectation,
        ColumnPairMapExpectation,
        MulticolumnMapExpectation,
    )
    from great_expectations.expectations.registry import get_expectation_impl

    config = result.expectation_config
    arguments = _named(config.kwargs, names)
    rule = _describe(config.type, arguments)
    raised = _exceptions(result.exception_info or {})
    hidden = bool(sensitive & _mentioned(arguments))  # the observed value may be sensitive
    if config.severity.value != "critical":
        if not result.success:
            audit.warnings.append(rule)
        return
    if raised:
        audit.failed.append(f"{rule} could not be evaluated: {'(sensitive)' if hidden else raised[0]}")
        return
    row_level = issubclass(
        get_expectation_impl(config.type), (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
    )
    rows = (result.result.get("unexpected_index_list") or []) if row_level else []
    # A value that cannot be read counts as missing; that it must not be missing says no more.
    already = f"{arguments.get('column')}: " if config.type == NOT_NULL else None
    for index in rows:
        rules = audit.broken.setdefault(seen[index], [])
        if already is None or not any(own.startswith(already) for own in rules):
            rules.append(rule)
    if not result.success and (not rows or config.kwargs.get("mostly", 1) < 1):
        share = result.result.get("unexpected_percent")
        found = None if hidden else result.result.get("observed_value")
        observed = f"{share:.1f} % of rows break it" if share is not None else found
        audit.failed.append(f"{rule}, observed {observed}" if observed is not None else rule)


def _mentioned(arguments: Mapping[str, Any]) -> set[object]:
    return {
        name
        for value in arguments.values()
        for name in (value if isinstance(value, list | tuple | set) else [value])
        if isinstance(name, str)
    }


def _describe(kind: str, arguments: Mapping[str, Any]) -> str:
    given = {key: value for key, value in arguments.items() if value is not None and key not in ("batch_id",)}
    return f"{kind}({', '.join(f'{key}={value}' for key, value in sorted(given.items()))})"


def _exceptions(info: dict[str, Any]) -> list[str]:
    """Return the messages of the exceptions.

    The library gives one flat record without an exception, else one per metric.
    """
    records = [info] if "raised_exception" in info else list(info.values())
    return [" ".join(str(record["exception_message"]).split()) for record in records if record.get("raised_exception")]


def _quieten() -> None:
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
