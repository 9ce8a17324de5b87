import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.detection.faults import Clean
from leeway.detection.sketch import Binning, Sketch

NAMES = ["price", "cost", "age", "height"]  # price and cost hang together, age and height do
KINDS = {**dict.fromkeys(NAMES, "numeric"), "kind": "categorical"}
PARTITIONS, ROWS = 30, 400


def drawn(rng, rows=ROWS):
    one, two = rng.standard_normal((2, rows))
    x = pd.DataFrame(
        {
            "price": one,
            "cost": 0.8 * one + 0.6 * rng.standard_normal(rows),
            "age": two,
            "height": 0.8 * two + 0.6 * rng.standard_normal(rows),
            "kind": rng.choice(["a", "b", "c"], rows),
        }
    )
    return x.assign(age=x["age"].where(rng.random(rows) > 0.02))  # some nulls are in order


def binned(x):
    learnt = {name: Binning.learn(x[name], kind) for name, kind in KINDS.items()}
    return {name: binning.model_copy(update={"given": True}) for name, binning in learnt.items()}


def learnt():
    rng = np.random.default_rng(0)
    x = pd.concat([drawn(rng) for _ in range(PARTITIONS)], ignore_index=True)
    binnings = binned(x)
    bins = {name: binning.bin(x[name]) for name, binning in binnings.items()}
    return binnings, Clean.learn(binnings, bins, x, np.repeat(np.arange(PARTITIONS), ROWS), [ROWS] * PARTITIONS)


BINNINGS, CLEAN = learnt()


def faults(x, before=()):
    return list(CLEAN.faults(BINNINGS, Sketch.of(BINNINGS, x), [Sketch.of(BINNINGS, item) for item in before]))


def filled(x, share, column="price", value=0.0):
    return x.assign(**{column: x[column].where(np.arange(len(x)) >= share * len(x), value)})


def test_clean_partitions_have_no_fault():
    rng = np.random.default_rng(1)
    before = []
    for _ in range(100):
        x = drawn(rng)
        assert faults(x, before[-10:]) == []
        before.append(x)
    assert faults(drawn(rng, 110)) == []
    assert faults(drawn(rng, 1_500)) == []


LASTING = [  # a source may have changed for good
    (lambda x: filled(x, 0.05), "price is 0 in 5% of the rows"),
    (lambda x: filled(x, 0.40), "price is 0 in 40% of the rows"),
    (lambda x: filled(x, 0.10, "age", None), "age is missing in 12% of the rows"),
    (lambda x: filled(x, 0.20, "kind", "A"), "kind has unseen values in 20% of the rows"),
    (lambda x: x.assign(price=100 * x["price"]), "price is far outside its known range in 9"),
    (lambda x: x.rename(columns={"price": "age", "age": "price"}), "the correlation of "),
    (
        lambda x: x.assign(cost=x["cost"].sample(frac=1, random_state=0).to_numpy()),
        "the correlation of price and cost changed",
    ),
    (lambda x: x.head(90), "90 events; the reference's partitions have 400 to 400"),
]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        *LASTING,
        (lambda x: pd.concat([x, x]), "every row is there twice"),
        (lambda x: x.head(0), "0 events"),
    ],
)
def test_what_a_source_a_join_or_a_delivery_does_is_a_fault_and_says_which(fault, why):
    found = faults(fault(drawn(np.random.default_rng(2)))[list(KINDS)])
    assert any(why in text for text in found), found


@pytest.mark.parametrize("fault", [fault for fault, _ in LASTING])
def test_what_was_accepted_is_no_fault_any_more(fault):
    clean, accepted, now = (drawn(np.random.default_rng(seed))[list(KINDS)] for seed in (20, 21, 22))
    assert faults(fault(now)[list(KINDS)], [clean])
    assert faults(fault(now)[list(KINDS)], [clean, fault(accepted)[list(KINDS)]]) == []


def test_the_rows_of_the_night_before_are_told():
    x, other = drawn(np.random.default_rng(3)), drawn(np.random.default_rng(4))
    assert faults(x, [other, x]) == ["its rows are those of an earlier partition"]


def test_what_is_computed_of_the_past_is_not_at_fault_itself():
    computed = {name: binning.model_copy(update={"given": name == "kind"}) for name, binning in BINNINGS.items()}
    x = pd.concat([drawn(np.random.default_rng(seed)) for seed in range(3)], ignore_index=True)
    bins = {name: binning.bin(x[name]) for name, binning in computed.items()}
    known = Clean.learn(computed, bins, x, np.repeat(np.arange(3), ROWS), [ROWS] * 3)
    night = filled(filled(drawn(np.random.default_rng(9)), 0.3), 0.3, "age", None)
    assert list(known.faults(computed, Sketch.of(computed, night), [])) == []


def test_volume_is_that_of_all_events_not_of_the_labelled_ones():
    x = drawn(np.random.default_rng(8), 5_000)
    assert faults(x) == ["5000 events; the reference's partitions have 400 to 400"]
    most = CLEAN.model_copy(update={"most_rows": 4_000})
    assert list(most.faults(BINNINGS, Sketch.of(BINNINGS, x), [])) == []


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (lambda x, share: filled(x, share, "age", np.nan), "age is missing"),
        (lambda x, share: filled(x, share, "kind", "new"), "unseen values"),
        (lambda x, share: x.assign(price=x["price"] + 100 * (np.arange(len(x)) < share * len(x))), "far outside"),
    ],
)
def test_what_grows_slowly_is_no_fault_and_what_comes_at_once_is(spoilt, why):
    rng = np.random.default_rng(7)
    before = []
    for share in np.arange(0, 0.6, 0.03):
        x = spoilt(drawn(rng), share)
        assert not any(why in fault for fault in faults(x, before[-10:]))
        before.append(x)
    assert any(why in fault for fault in faults(spoilt(drawn(rng), 0.95), before[-10:]))


def test_drift_is_no_fault():
    x = drawn(np.random.default_rng(5))
    assert faults(x.assign(price=x["price"] + 0.5)) == []
    assert faults(x.assign(price=x["price"] + 5)) == []  # what only grows
    assert faults(x.assign(kind=np.where(np.arange(len(x)) % 5 == 0, "c", "a"))) == []


@settings(deadline=None)
@given(cut=st.integers(0, ROWS))
def test_the_sketches_of_two_parts_are_that_of_the_whole(cut):
    x = drawn(np.random.default_rng(6)).assign(height=lambda x: x["height"].round(0))
    whole = Sketch.of(BINNINGS, x)
    parts = Sketch.of(BINNINGS, x.head(cut)) + Sketch.of(BINNINGS, x.tail(ROWS - cut))
    assert (parts.rows, parts.counts, parts.unseen, parts.outside) == (
        whole.rows,
        whole.counts,
        whole.unseen,
        whole.outside,
    )
    assert parts.products == pytest.approx(whole.products)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_next_to_no_rows_are_no_trouble(rows):
    x = drawn(np.random.default_rng(7), rows)
    binnings = binned(x)
    bins = {name: binning.bin(x[name]) for name, binning in binnings.items()}
    if rows:
        known = Clean.learn(binnings, bins, x, np.zeros(rows, dtype=np.intp), [rows])
        assert Clean.model_validate_json(known.model_dump_json()) == known
        assert list(known.faults(binnings, Sketch.of(binnings, x), [])) == []
    assert Sketch.of(binnings, x).rows == rows
