from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leeway.definition import Slice
from leeway.evaluation.gates.slices import gate
from leeway.evaluation.gates.slicing import cut, declared
from tests.leeway.evaluation.gates.known import evidence_of, truth


@pytest.fixture(scope="module")
def rows():
    """Probabilities, labels and columns, where `kind` c is a tenth of the rows."""
    p, y = truth(6000)
    rng = np.random.default_rng(3)
    kind = rng.choice(["a", "b", "c"], 6000, p=[0.5, 0.4, 0.1])
    columns = pd.DataFrame({"amount": rng.lognormal(size=6000), "kind": kind, "sex": rng.choice(["f", "m"], 6000)})
    return p, y, columns


def vague(p, y, where=True):
    return np.where(where, 0.4 * p + 0.6 * y.mean(), p)


def checked(p, champion, y, columns, **gates):
    return gate.check(evidence_of(p, champion, y=y, columns=columns, **gates))


def test_better_overall_and_worse_on_a_declared_slice_fails_and_the_slice_is_named(rows):
    p, y, columns = rows
    small = (columns["kind"] == "c").to_numpy()
    challenger, champion = vague(p, y, small), vague(p, y, ~small)
    verdict = checked(challenger, champion, y, columns, slices=(Slice(column="kind"),))
    assert verdict.outcome == "fail"
    assert "declared kind = c: log loss higher by" in verdict.why
    assert "kind = a:" not in verdict.why
    assert checked(p, champion, y, columns, slices=(Slice(column="kind"),)).outcome == "pass"


def test_rows_that_the_champion_knows_are_no_missing_slice(rows):
    p, y, columns = rows
    known = evidence_of(p, p, y=y, columns=columns, slices=(Slice(column="kind"),))
    none = gate.check(replace(known, fair=np.zeros(len(y), dtype=bool)))
    assert (none.outcome, none.why) == ("fail", "no rows of the holdout are new to the champion")
    some = gate.check(replace(known, fair=(columns["kind"] == "a").to_numpy()))
    assert some.outcome == "pass"
    absent = replace(known, fair=(columns["kind"] == "a").to_numpy())
    absent = replace(absent, classifier=evidence_of(p, y=y, slices=(Slice(column="kind", values=("c",)),)).classifier)
    assert "in the declared slice kind = c and new to the champion" in gate.check(absent).why


def test_a_slice_of_two_features_that_nobody_declared_is_found(rows):
    p, y, columns = rows
    worse = ((columns["kind"] == "b") & (columns["amount"] > columns["amount"].quantile(0.75))).to_numpy()
    verdict = checked(vague(p, y, worse), vague(p, y, ~worse), y, columns)
    assert verdict.outcome == "fail"
    assert "found" in verdict.why
    assert "kind = b" in verdict.why
    assert "amount at least" in verdict.why


def test_looking_at_many_slices_finds_nothing_where_there_is_nothing(rows):
    p, y, columns = rows
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(20):
        one, other = (np.clip(p + rng.normal(0, 0.03, len(p)), 0.001, 0.999) for _ in range(2))
        refused += checked(one, other, y, columns).outcome == "fail"
    assert refused <= 2


def test_a_slightly_worse_slice_is_tolerated_and_a_lower_tolerance_does_not(rows):
    p, y, columns = rows
    small = (columns["kind"] == "c").to_numpy()
    slightly = np.where(small, 0.85 * p + 0.15 * y.mean(), p)
    tolerant = checked(slightly, p, y, columns, slices=(Slice(column="kind"),), slice_tolerance=0.2)
    assert tolerant.outcome == "pass"
    assert checked(slightly, p, y, columns, slices=(Slice(column="kind"),), slice_tolerance=0.0).outcome == "fail"


def test_a_declared_slice_without_rows_fails_also_for_a_first_champion_and_where_only_the_champion_has_seen_them(rows):
    p, y, columns = rows
    missing = {"slices": (Slice(column="kind", values=("z",)),)}
    assert checked(p, None, y, columns, **missing).outcome == "fail"
    verdict = checked(p, p, y, columns, **missing)
    assert verdict.outcome == "fail"
    assert "no row of the holdout is in the declared slice kind = z" in verdict.why
    late = evidence_of(p, p, y=y, columns=columns, slices=(Slice(column="kind", values=("c",)),))
    assert gate.check(replace(late, fair=(columns["kind"] != "c").to_numpy())).outcome == "fail"
    empty = columns.assign(kind=None)
    assert checked(p, p, y, empty, slices=(Slice(column="kind"),)).outcome == "fail"


def test_a_sensitive_value_is_never_named(rows):
    p, y, columns = rows
    men = (columns["sex"] == "m").to_numpy()
    verdict = checked(vague(p, y, men), vague(p, y, ~men), y, columns, slices=(Slice(column="sex", values=("m",)),))
    assert verdict.outcome == "fail"
    assert "sex: a hidden value" in verdict.why
    assert " m" not in str(verdict.numbers)


def test_slices_are_declared_by_value_by_bounds_or_as_a_whole_column():
    columns = pd.DataFrame({"n": [1.0, 2.0, 3.0, None], "k": ["x", None, "y", "x"], "b": [True, False, None, True]})

    def rows_of(item):
        return {name: rows.tolist() for name, rows in declared((item,), columns, frozenset())}

    assert rows_of(Slice(column="n", at_least=2)) == {"n at least 2": [False, True, True, False]}
    assert rows_of(Slice(column="n", below=2)) == {"n below 2": [True, False, False, False]}
    assert rows_of(Slice(column="n", at_least=2, below=3)) == {"n from 2 to below 3": [False, True, False, False]}
    assert rows_of(Slice(column="k", values=("x",))) == {"k = x": [True, False, False, True]}
    assert rows_of(Slice(column="b", values=(True,))) == {"b = true": [True, False, False, True]}
    assert set(rows_of(Slice(column="k"))) == {"k = x", "k = y"}


def test_what_is_missing_is_a_slice_of_its_own_to_the_search():
    found = cut(pd.Series([None, 1.0, 2.0, 3.0, 4.0], name="n"))
    assert found.names[found.codes[0]] == "n missing"
    assert found.names[found.codes[1]].startswith("n below")
    assert found.names[found.codes[4]].startswith("n at least")
