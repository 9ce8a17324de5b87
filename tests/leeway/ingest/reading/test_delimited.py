"""Delimited text: what stands in it is read, and a line that is no row is kept as one that could not be read."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.definition import CSV
from leeway.ingest.reading import delimited
from leeway.ingest.reading.unread import UNREAD

VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x1f"), max_size=8)


def read(folder, content, **form):
    file = folder / "a.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return pd.concat(list(delimited.read(CSV(path="a.csv", **form), file)))


def rows(frame):
    good = frame[frame[UNREAD].isna()].drop(columns=UNREAD) if UNREAD in frame else frame
    return good.to_numpy().tolist()


def faults(frame):
    return frame[UNREAD].dropna().tolist() if UNREAD in frame else []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("4,5,6", "line 4 has 3 values instead of 2: 4,5,6"),
        ("4", "line 4 has 1 values instead of 2: 4"),
        (b"\xfc,1", r"line 4 has bytes that are not of the declared encoding: \xfc,1"),
        ('"4,"5,6', 'line 4 has a quote that does not end, or ends within a value: "4,"5,6'),
    ],
)
def test_a_line_that_is_no_row_costs_nothing_but_itself(tmp_path, line, fault):
    line = line if isinstance(line, bytes) else line.encode()
    found = read(tmp_path, b'a,b\n1,"x\ny"\n' + line + b'\n7,"8"\n')
    assert rows(found) == [["1", "x\ny"], ["7", "8"]]
    assert faults(found) == [fault]
    assert found.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('1,"2', ["1", '"2']),
        ('"1,2', ['"1', "2"]),
        ('1,48" wide', ["1", '48" wide']),
        ('"he said "no", twice",2', ['he said "no", twice', "2"]),
        ('"a ""b"" c",2', ['a "b" c', "2"]),
    ],
)
def test_a_stray_quote_is_a_sign_of_the_value_where_that_gives_a_row(tmp_path, line, values):
    found = read(tmp_path, f'a,b\n"u","v"\n{line}\n"x","y"\n')
    assert rows(found) == [["u", "v"], values, ["x", "y"]]


@given(table=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=20), block=st.integers(1, 64))
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "||"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_a_writer_wrote_is_read(tmp_path_factory, table, block, delimiter, end):
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\x1e" if len(delimiter) > 1 else delimiter, lineterminator=end)
    table = [tuple(value.replace("\x1e", "").replace("|", "/") for value in row) for row in table]
    writer.writerows([("a", "b", "c"), *table])
    content = text.getvalue().replace("\x1e", delimiter).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        patch.setattr(delimited, "HEAD", block)
        found = read(tmp_path_factory.mktemp("text"), content, delimiter=delimiter)
    assert faults(found) == []
    assert [tuple(row) for row in rows(found)] == [row for row in table if list(row) != ["a", "b", "c"]]


@given(content=st.binary(max_size=200), block=st.integers(1, 50))
def test_no_bytes_are_lost_or_stop_the_reading(tmp_path_factory, content, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        found = read(tmp_path_factory.mktemp("text"), b"a,b\n" + content)
    assert set(found.columns) <= {"a", "b", UNREAD, ""}
    assert found.index.is_unique


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(tmp_path, end):
    found = read(tmp_path, end.join(["a,b", "1,2", "3,4", ""]))
    assert rows(found) == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "shift_jis", "utf-8-sig"])
def test_text_of_any_encoding(tmp_path, encoding):
    word = "山田" if encoding == "shift_jis" else "Köln"
    assert rows(read(tmp_path, f"a,b\n{word},1\n".encode(encoding), encoding=encoding)) == [[word, "1"]]


def test_a_file_of_one_column_keeps_unread_lines_apart(tmp_path):
    found = read(tmp_path, b"a\n1\n\xff\n2\n")
    assert rows(found) == [["1"], ["2"]]
    assert len(faults(found)) == 1


def test_a_quote_that_never_closes_takes_one_line_with_it_and_not_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "LONGEST_RECORD", 40)
    monkeypatch.setattr(delimited, "BLOCK", 16)
    found = read(tmp_path, 'a,b,c\n1,"2\n' + "3,4,5\n" * 50)
    assert len(faults(found)) == 1
    assert rows(found) == [["3", "4", "5"]] * 50
