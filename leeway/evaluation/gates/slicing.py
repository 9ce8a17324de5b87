"""Slices of rows: declared ones, and a shallow search."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from leeway.core.metrics import Bools, Floats
from leeway.core.outputs import class_text
from leeway.definition import Slice

Codes = npt.NDArray[np.intp]

MOST_VALUES = 20  # of a category
QUARTERS = (0.25, 0.5, 0.75)
MOST_PAIRED = 12  # columns that are also paired: those whose slices differ most
HIDDEN = "a hidden value"


@dataclass(frozen=True)
class Cut:
    """A column cut into slices.

    Attributes:
        codes: each row's slice; -1 for none.
        names: the slices' names, for people.
    """

    codes: Codes
    names: Sequence[str]


@dataclass(frozen=True)
class Worse:
    """A challenger's loss against the champion on some rows.

    Attributes:
        by: the mean of the rows' differences of log loss.
        p: of a one-sided Student's test; the null hypothesis is that the challenger is not worse.
    """

    by: float
    p: float


def cut(column: "pd.Series[Any]", *, hidden: bool = False) -> Cut:
    """Cut a column by values or by quartiles.

    Numbers are cut at their quartiles, all else by its commonest values. Missing values are a slice of their own.
    """
    name, missing = str(column.name), column.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        numbers = column.to_numpy(dtype="float64", na_value=np.nan)
        edges = np.unique(np.quantile(numbers[~missing], QUARTERS)) if not missing.all() else np.zeros(0)
        codes = np.searchsorted(edges, numbers, side="right")
        shown = [f"{edge:.4g}" for edge in edges]
        inner = [f"{name} from {low} to below {high}" for low, high in itertools.pairwise(shown)]
        names = [f"{name} below {shown[0]}", *inner, f"{name} at least {shown[-1]}"] if shown else [name]
    else:
        text = column.astype("object").where(~missing, None).map(class_text, na_action="ignore")
        values = text.value_counts().index[:MOST_VALUES].tolist()
        codes = pd.Index(values).get_indexer(text) if values else np.full(len(column), -1)
        names = [f"{name} = {value}" for value in values]
    codes = np.where(missing, len(names), codes)
    found = [*names, f"{name} missing"]
    return Cut(codes.astype(np.intp), [f"{name}: {HIDDEN}"] * len(found) if hidden else found)


def declared(slices: Sequence[Slice], columns: pd.DataFrame, hidden: frozenset[str]) -> Iterator[tuple[str, Bools]]:
    """Yield the declared slices with their rows.

    Missing values are no slice here. A column without values gives one slice without rows.
    """
    for item in slices:
        column = columns[item.column]
        if item.is_whole:
            parts = cut(column, hidden=item.column in hidden)
            shown = [(name, parts.codes == code) for code, name in enumerate(parts.names[:-1])]
            present = [(name, rows) for name, rows in shown if rows.any()]
            yield from present or [(item.column, np.zeros(len(column), dtype=bool))]
            continue
        if item.values is not None:
            wanted = {class_text(value) for value in item.values}
            text = column.astype("object").where(column.notna(), None).map(class_text, na_action="ignore")
            name, rows = f"{item.column} = {' or '.join(sorted(wanted))}", text.isin(wanted).to_numpy()
        else:
            low = -np.inf if item.at_least is None else item.at_least
            high = np.inf if item.below is None else item.below
            numbers = column.to_numpy(dtype="float64", na_value=np.nan)
            name, rows = f"{item.column} {_bounds(item)}", (numbers >= low) & (numbers < high)
        yield f"{item.column}: {HIDDEN}" if item.column in hidden else name, rows


def _bounds(item: Slice) -> str:
    """Name a range as `cut` names its quartiles."""
    if item.below is None:
        return f"at least {item.at_least:g}"
    return f"below {item.below:g}" if item.at_least is None else f"from {item.at_least:g} to below {item.below:g}"


def worse(differences: Floats, nights: Codes) -> Worse:
    """Test whether a challenger is worse on some rows.

    The standard error is the larger of two: of independent rows, and of rows that are clustered by night.

    Args:
        differences: by how much each row's log loss is higher, shape (n,), at least two.
        nights: each row's partition.
    """
    count, by = len(differences), float(differences.mean())
    own = differences.std(ddof=1) / np.sqrt(count)
    present, place = np.unique(nights, return_inverse=True)
    shared, freedom = 0.0, count - 1
    if len(present) > 2:
        residual = np.bincount(place, weights=differences - by)
        shared = np.sqrt(len(present) / (len(present) - 1) * (residual**2).sum()) / count
        freedom = len(present) - 1 if shared > own else freedom
    t = by / max(float(own), float(shared), 1e-12)
    return Worse(by, float(stats.t.sf(t, freedom)))


def search(cuts: Mapping[str, Cut], differences: Floats, looked: Bools, least: int, keep: int) -> dict[str, Bools]:
    """Find the slices with the highest differences.

    Slices are of one column or of two, and have at least `least` rows. They are ranked by difference over standard error.

    Args:
        differences: of all rows, shape (n,).
        looked: the rows that the search uses.

    Returns:
        Each slice's rows, also those that the search did not use.
    """
    found: list[tuple[float, str, Bools]] = []
    highest: dict[str, float] = {}
    for name, one in cuts.items():
        scored = list(_scored(one, differences, looked, least))
        highest[name] = max((t for t, _ in scored), default=-np.inf)
        found += [(t, one.names[code], one.codes == code) for t, code in scored]
    paired = sorted(cuts, key=lambda name: -highest[name])[:MOST_PAIRED]
    for first, second in itertools.combinations(paired, 2):
        one, other = cuts[first], cuts[second]
        both = Cut(
            np.where((one.codes < 0) | (other.codes < 0), -1, one.codes * len(other.names) + other.codes),
            [f"{a} and {b}" for a in one.names for b in other.names],
        )
        found += [(t, both.names[code], both.codes == code) for t, code in _scored(both, differences, looked, least)]
    found.sort(key=lambda item: -item[0])
    return {name: rows for t, name, rows in found[:keep] if t > 0}


def _scored(one: Cut, differences: Floats, looked: Bools, least: int) -> Iterator[tuple[float, int]]:
    """Yield each large slice's t-statistic and code."""
    inside = looked & (one.codes >= 0)
    codes, values, size = one.codes[inside], differences[inside], len(one.names)
    counts = np.bincount(codes, minlength=size)
    sums, squares = (np.bincount(codes, weights=own, minlength=size) for own in (values, values**2))
    for code in np.flatnonzero(counts >= max(2, least)):
        rows, mean = counts[code], sums[code] / counts[code]
        variance = max(squares[code] / rows - mean**2, 1e-24)
        yield float(mean / np.sqrt(variance / rows)), int(code)
