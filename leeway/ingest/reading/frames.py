"""Frames that hold a source's values exactly: no integer, decimal or identifier passes through a float."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from leeway.core.value_text import EXACT, as_text

LEAST, MOST = -(2**63), 2**63 - 1  # of an integer of eight bytes

_NULLABLE = {
    **dict.fromkeys(
        (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()), pd.Int64Dtype()
    ),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def from_arrow(table: pa.Table) -> pd.DataFrame:
    """Return a table's rows.

    Integers and truth values may be missing. Decimals are text, or integers where they are whole; days are `date`; durations
    are seconds; categories are their values.
    """
    columns = [_plain_column(column) for column in table.columns]
    plain = pa.Table.from_arrays(columns, names=[str(number) for number in range(len(columns))])
    rows: pd.DataFrame = plain.to_pandas(ignore_metadata=True, types_mapper=_NULLABLE.get)
    rows.columns = pd.Index(table.column_names)
    return rows


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain_column(pc.cast(column, kind.value_type))
    if pa.types.is_decimal(kind):
        return _decimals(column)
    if pa.types.is_time(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_date64(kind):
        return pc.cast(column, pa.date32())
    if pa.types.is_timestamp(kind):
        return pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_duration(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.duration("us"), safe=False), pa.int64()), 1e6)
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return pc.cast(column, pa.float64())
    return column


def _decimals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    values = column.to_pylist()
    if all(value is None or (value == value.to_integral_value() and LEAST <= value <= MOST) for value in values):
        return pa.chunked_array([pa.array([None if value is None else int(value) for value in values], pa.int64())])
    return pa.chunked_array([pa.array([None if value is None else f"{value:f}" for value in values], pa.string())])


def from_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return a database's rows, as `from_arrow` does; a column of mixed values is text."""
    columns = [_column(list(values)) for values in zip(*rows, strict=True)] if rows else [_column([]) for _ in names]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = pd.Index(names)
    return frame


def _column(values: list[Any]) -> "pd.Series[Any]":
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pd.Series([None] * len(values), dtype="object")
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    if kinds <= {int, Decimal} and all(_is_whole(value) for value in values if value is not None):
        return pd.Series([None if value is None else int(value) for value in values], dtype="Int64")
    if kinds <= {int, float} and all(abs(value) < EXACT for value in values if type(value) is int):
        return pd.Series([None if value is None else float(value) for value in values], dtype="float64")
    if kinds == {str}:
        return pd.Series(values, dtype="str")
    if kinds == {datetime}:
        return _instants(values)
    if kinds == {timedelta}:
        return pd.Series([None if value is None else value.total_seconds() for value in values], dtype="float64")
    if kinds == {date}:
        return pd.Series(values, dtype="object")
    if kinds <= {memoryview, bytes, bytearray, list, dict, tuple, set}:
        plain = [bytes(value) if isinstance(value, memoryview | bytearray) else value for value in values]
        return pd.Series(plain, dtype="object")
    return pd.Series([None if value is None else _written(value) for value in values], dtype="str")


def _is_whole(value: int | Decimal) -> bool:
    if isinstance(value, Decimal) and (not value.is_finite() or value != value.to_integral_value()):
        return False
    return LEAST <= value <= MOST


def _instants(values: list[datetime | None]) -> "pd.Series[Any]":
    if all(value is None or value.tzinfo is not None for value in values):
        return pd.Series(pa.array(values, pa.timestamp("us", "UTC")).to_pandas())
    if all(value is None or value.tzinfo is None for value in values):
        return pd.Series(pa.array(values, pa.timestamp("us")).to_pandas())
    return pd.Series([None if value is None else value.isoformat() for value in values], dtype="str")


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | str | int):
        return str(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < EXACT else str(value)


def joined(parts: Sequence[pd.DataFrame], *, keep_index: bool = False) -> pd.DataFrame:
    """Put parts of one source under one another; where a column has several types, it is text, or exact numbers."""
    if len(parts) == 1:
        return parts[0] if keep_index else parts[0].reset_index(drop=True)
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    columns = {name: [part[name] for part in parts if name in part.columns] for name in names}
    alike = {name: _of_one_type(given) for name, given in columns.items()}
    places = {name: iter(given) for name, given in alike.items()}
    return pd.concat(
        [part.assign(**{name: next(places[name]) for name in part.columns}) for part in parts],
        ignore_index=not keep_index,
    )


def _of_one_type(columns: "list[pd.Series[Any]]") -> "list[pd.Series[Any]]":
    given = {str(column.dtype) for column in columns if column.notna().any()}
    if len({str(column.dtype) for column in columns}) == 1:
        return columns
    if len(given) <= 1:
        kind = next((column.dtype for column in columns if column.notna().any()), columns[0].dtype)
        return [column.astype(kind) if column.notna().any() else _all_missing(column, kind) for column in columns]
    if given <= {"float64", "Int64", "int64"} and all(_is_exact(column) for column in columns):
        return [column.astype("float64") for column in columns]
    if any(_is_nested(column) for column in columns):
        return [column.astype("object") for column in columns]
    return [as_text(column) for column in columns]


def _all_missing(column: "pd.Series[Any]", kind: Any) -> "pd.Series[Any]":
    return pd.Series(pd.array([None] * len(column), dtype=kind), index=column.index, name=column.name)


def _is_exact(column: "pd.Series[Any]") -> bool:
    return str(column.dtype) == "float64" or bool(column.dropna().abs().lt(EXACT).all())


def _is_nested(column: "pd.Series[Any]") -> bool:
    return column.dtype == object and any(
        isinstance(value, list | dict | tuple | bytes) for value in column.dropna().head(50)
    )
