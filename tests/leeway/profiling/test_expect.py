"""A suite must not be a trap: clean deliveries pass, spoilt ones do not. Judged by a few lines of pandas, which are
held against Great Expectations once."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from leeway.definition.grains import DAY
from leeway.ingest.audit import _judge, _judge_by, _quieten
from leeway.ingest.contract import Checked
from leeway.profiling import expect, timing
from leeway.profiling.columns import ColumnProfile
from leeway.profiling.reading import Sample, TableSample

QUARANTINE_LIMIT = 0.2  # the definition's default


ROUNDS = int(os.environ.get("LEEWAY_TEST_ROUNDS", "12"))  # populations; a thousand, by hand, for the rarer traps


@dataclass(frozen=True)
class Verdict:
    """What an audit would say: table-level rules that were broken, and the share of rows in quarantine."""

    failed: list[str]
    quarantined: float

    @property
    def passed(self):
        return not self.failed and self.quarantined <= QUARANTINE_LIMIT


def judge(suite, frame):
    bad, failed = np.zeros(len(frame), dtype=bool), []
    for item in suite:
        arguments = item.arguments
        values = frame[arguments["column"]] if "column" in arguments else None
        least, most = arguments.get("min_value", -np.inf), arguments.get("max_value", np.inf)
        match item.name:
            case "ExpectTableRowCountToBeBetween":
                held, broken = least <= len(frame) <= most, None
            case "ExpectColumnProportionOfNonNullValuesToBeBetween":
                held, broken = least <= values.notna().mean() <= most, None
            case "ExpectColumnMedianToBeBetween":
                held, broken = least <= values.median() <= most, None
            case "ExpectColumnValuesToNotBeNull":
                held, broken = None, values.isna()
            case "ExpectColumnValuesToBeBetween":
                held, broken = None, values.notna() & ~values.between(least, most)
            case "ExpectColumnValuesToBeInSet":
                held, broken = None, values.notna() & ~values.isin(arguments["value_set"])
            case "ExpectColumnValuesToBeUnique":
                held, broken = None, values.duplicated(keep=False)
        if broken is not None:
            asked = len(frame) if item.name.endswith("NotBeNull") else values.notna().sum()
            held = "mostly" not in arguments or 1 - broken.sum() / max(asked, 1) >= arguments["mostly"]
            bad |= broken.to_numpy(dtype=bool)
        if not held:
            failed.append(f"{item.name} {arguments.get('column')}")
    return Verdict(failed, float(bad.mean()))


def held(values):
    return {"bool": "boolean", "boolean": "boolean", "float64": "numeric"}.get(str(values.dtype), "categorical")


def suite_of(frame, time=None, grain=DAY):
    columns = [ColumnProfile(name, held(frame[name]), frame[name]) for name in frame]
    sample = Sample(TableSample("parquet", "x"), frame, len(frame))
    return expect.suite(columns, None, timing.deliveries(time, grain, sample))


class Population:
    """Columns whose laws do not change, drawn by chance: rare gaps, skewed numbers, small and large sets of values."""

    def __init__(self, seed):
        self.random = random = np.random.default_rng(seed)
        self.gaps = 10 ** random.uniform(-4, -0.3, size=10) * (random.random(10) < 0.6)
        self.sigma = random.uniform(0.3, 2.0)
        self.centre, self.spread = random.normal(0, 50), random.uniform(1, 30)
        self.sets = [random.dirichlet(np.full(size, 0.8)) for size in (2, 5, 12, 60)]
        self.zero = random.uniform(0, 0.98)
        self.mean = random.uniform(0.05, 30)
        self.least = random.uniform(0, 3) * self.spread

    def draw(self, rows):
        random = self.random
        numbers = {
            "amount": random.lognormal(2, self.sigma, rows),
            "degrees": random.normal(self.centre, self.spread, rows),
            "count": random.poisson(self.mean, rows).astype("float64"),
            "rarely": np.where(random.random(rows) < self.zero, 0, random.exponential(100, rows)),
            "far_from_zero": self.least + random.gamma(4, self.spread / 4, rows),
        }
        names = {
            f"set_{len(shares)}": np.array([f"v{number}" for number in range(len(shares))], dtype=object)[
                random.choice(len(shares), rows, p=shares)
            ]
            for shares in self.sets
        }
        frame = pd.DataFrame({**numbers, **names, "yes": random.random(rows) < 0.3})
        frame["yes"] = frame["yes"].astype("boolean")
        return frame.mask(random.random(frame.shape) < self.gaps)


def rows_of(random):
    return int(np.exp(random.uniform(np.log(50), np.log(5_000))))


def seasonal(population, days, volume):
    random = population.random
    weekly = 1 + 0.4 * np.sin(2 * np.pi * np.arange(days) / 7)
    sizes = random.poisson(volume * weekly * random.lognormal(0, 0.1, days))
    days_of = np.repeat(np.arange(days), sizes)
    frame = population.draw(len(days_of))
    time = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(days_of, unit="D")
    return frame, pd.Series(time), days_of


def test_clean_deliveries_pass_whose_rows_come_in_files_of_any_size():
    verdicts, wasted = [], []
    for seed in range(2 * ROUNDS):
        population = Population(seed)
        random = np.random.default_rng([1, seed])
        first = population.draw(rows_of(random))
        suite = suite_of(first)
        own = judge(suite, first)
        assert own.passed, (seed, own)
        assert own.quarantined == 0, (seed, own)
        for _ in range(5):
            verdict = judge(suite, population.draw(rows_of(random)))
            verdicts.append(verdict)
            wasted.append(verdict.quarantined)
    refused = [verdict for verdict in verdicts if not verdict.passed]
    assert len(refused) <= 0.01 * len(verdicts), refused
    assert np.mean(wasted) < 0.005


def test_clean_deliveries_pass_whose_volume_has_a_week():
    verdicts, wasted = [], []
    for seed in range(ROUNDS):
        population = Population(1_000 + seed)
        random = np.random.default_rng([2, seed])
        known = int(random.integers(10, 60))
        frame, time, day = seasonal(population, known + 10, rows_of(random) / 5 + 20)
        suite = suite_of(frame[day < known], time[day < known])
        for number in range(known + 10):
            if number < known and number % 3:
                continue
            verdict = judge(suite, frame[day == number])
            if number < known:
                assert verdict.passed, (seed, number, verdict)
                assert verdict.quarantined == 0
            else:
                verdicts.append(verdict)
                wasted.append(verdict.quarantined)
    refused = [verdict for verdict in verdicts if not verdict.passed]
    assert len(refused) <= 0.01 * len(verdicts), refused
    assert np.mean(wasted) < 0.005


def spoilt(random, frame, how):
    """A delivery as it is and with one fault in it."""
    frame = frame.reset_index(drop=True)
    match how:
        case "gaps":
            frame.loc[random.random(len(frame)) < 0.6, "degrees"] = np.nan
        case "unit":
            frame["amount"] *= 100
        case "spelling":
            commonest = frame["set_5"].mode()[0]
            frame.loc[(frame["set_5"] == commonest) & (random.random(len(frame)) < 0.5), "set_5"] = commonest.upper()
        case "volume":
            frame = frame.iloc[: len(frame) // 2]
    return frame


@pytest.mark.parametrize("how", ["gaps", "unit", "spelling", "volume"])
def test_a_spoilt_delivery_is_told_where_days_have_a_thousand_rows(how):
    found = []
    for seed in range(4):
        population = Population(2_000 + seed)
        population.gaps[:] = 0.01
        population.sets[1] = population.random.dirichlet(np.full(5, 5.0))
        frame, time, day = seasonal(population, 40, 1_000)
        if how == "volume":  # a week's swing of a factor of two hides a half; where days are alike, it does not
            day = np.arange(len(frame)) * 40 // len(frame)
            time = pd.Series(pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(day, unit="D"))
        suite = suite_of(frame[day < 39], time[day < 39])
        last = frame[day == 39]
        assert judge(suite, last).passed
        verdict = judge(suite, spoilt(population.random, last, how))
        found.append(not verdict.passed or verdict.quarantined > 0.05)
    assert all(found)


def test_the_judge_of_these_tests_says_what_great_expectations_says():
    import great_expectations as gx
    import great_expectations.expectations as gxe

    _quieten()
    population = Population(7)
    population.gaps[:] = 0.02
    population.gaps[0] = 0
    frame, time, day = seasonal(population, 12, 300)
    suite = suite_of(frame[day < 10], time[day < 10])
    asked = {item.name for item in suite}
    assert len(asked) >= 5
    theirs = gx.ExpectationSuite(
        name="same", expectations=[getattr(gxe, item.name)(**item.arguments) for item in suite]
    )
    last = frame[day == 11]
    for how in ("clean", "gaps", "unit", "spelling", "volume"):
        delivery = spoilt(population.random, last, how)
        mine = judge(suite, delivery)
        audit = _judge(
            _judge_by(theirs),
            Checked(delivery, pd.Series(dtype="object")),
            "d",
            datetime.now(UTC),
            sensitive=frozenset(),
        )
        assert {rule.partition("(")[0].replace("_", "") for rule in audit.failed} == {
            rule.split()[0].lower() for rule in mine.failed
        }, how
        assert len(audit.broken) == round(mine.quarantined * len(delivery)), how
