import csv
import gzip
import io
import sqlite3

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leeway.core.errors import SourceError
from leeway.profiling import reading, sniffing
from leeway.profiling.querying import quoted_name, without_password


def read(file, **options):
    return reading.draw(reading.describe(str(file), **options))


def write(tmp_path, content, name="data.csv"):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def random_lines():
    """More bytes than the head of a file, which do not compress away."""
    numbers = np.random.default_rng(0).integers(0, 10**9, (50_000, 2))
    return b"a,b\n" + b"".join(b"%d,%d\n" % (first, second) for first, second in numbers)


CELL = st.just("") | st.builds(
    str.__add__, st.sampled_from("axé7"), st.text("abcxyzäé,;|0123456789 '\"\n", max_size=12)
)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sniffing.DELIMITERS),
    st.integers(2, 6).flatmap(
        lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=3, max_size=12)
    ),
)
def test_the_delimiter_of_what_a_writer_wrote_is_found_unless_another_fits_as_well(delimiter, rows):
    frame = pd.DataFrame(rows, columns=[f"name {number}, or 'so'" for number in range(len(rows[0]))])
    text = frame.to_csv(index=False, sep=delimiter)
    for other in set(sniffing.DELIMITERS) - {delimiter}:
        records = [record for record in csv.reader(io.StringIO(text), delimiter=other) if any(map(str.strip, record))]
        widths = set(map(len, records))
        assume(len(widths) > 1 or widths == {1})
    assert sniffing.form_of(text).delimiter == delimiter


def test_a_delimiter_within_values_is_taken_only_where_there_is_no_other(tmp_path):
    assert sniffing.form_of("\n".join(["first name,last name", "John X,Mary Y"])).delimiter == ","
    assert sniffing.form_of("\n".join(["a b c", "1 2 3", "4 5 6"])).delimiter == " "
    assert sniffing.form_of("\n".join(["price, EUR;qty;label", "1,5;2;0", "2,5;2;1"])).delimiter == ";"
    assert sniffing.form_of("\n".join(["label", "0", "1"])).delimiter == ","


SPOKEN = {
    "cp1252": ("Müller", "Köln – Süd", "garçon", "señor"),
    "cp1250": ("Łódź", "příliš žluťoučký kůň", "Žižka"),
    "cp1251": ("Иван Петров", "Нижний Новгород", "Москва"),
    "koi8_r": ("Иван Петров", "Нижний Новгород", "Москва"),
    "shift_jis": ("山田太郎", "東京都港区", "カタカナ"),
    "gb18030": ("王小明", "北京市朝阳区", "上海"),
    "utf-16": ("Müller", "Москва", "東京"),
    "utf-8-sig": ("Müller", "Москва", "東京"),
    "utf-8": ("Müller", "Москва", "東京"),
}


@pytest.mark.parametrize("encoding", SPOKEN)
def test_the_encoding_is_found(tmp_path, encoding):
    words = SPOKEN[encoding]
    text = "id;name;yes\n" + "".join(f"{n};{words[n % len(words)]};{n % 2}\n" for n in range(300))
    sample = read(write(tmp_path, text.encode(encoding)))
    assert list(sample.rows.columns) == ["id", "name", "yes"]
    assert sample.rows["name"].tolist() == [words[n % len(words)] for n in range(300)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_several_bytes_for_a_letter_are_found(tmp_path, encoding):
    text = "id;name;yes\n" + "".join(f"{n};Müller;{n % 2}\n" for n in range(300))
    assert read(write(tmp_path, text.encode(encoding))).rows["name"].unique().tolist() == ["Müller"]


def test_a_letter_far_down_that_is_no_utf_8_is_read_all_the_same(tmp_path):
    sample = read(write(tmp_path, b"a,b\n" + b"x,y\n" * 100_000 + "é,ü\n".encode("cp1252")))
    assert sample.rows.iloc[-1].tolist() == ["é", "ü"]
    assert sample.table.form.encoding == "cp1252"
    assert reading.repetitions(sample.table, "a") == (0, 99_999)
    assert read(tmp_path / "data.csv", encoding="utf-8").unread[0] == 1


@pytest.mark.parametrize(
    ("content", "names", "last"),
    [
        (b"\xef\xbb\xbfa,b\n1,2\n", ["a", "b"], ["1", "2"]),
        (b"a,b\r\n1,x y\r\n2,z\r\n", ["a", "b"], ["2", "z"]),
        (b'a,b\n1,"x\ny"\n2,"z, ""q"""\n', ["a", "b"], ["2", 'z, "q"']),
        (b",a,b\n0,x,y\n1,z,w\n", ["", "a", "b"], ["1", "z", "w"]),
        ('"first, name","st""ate",Größe €\nx,y,z\n'.encode(), ["first, name", 'st"ate', "Größe €"], ["x", "y", "z"]),
        (b"\n\na,b\n\n1,2\n", ["a", "b"], ["1", "2"]),
    ],
    ids=["mark", "crlf", "quoted newline", "unnamed", "names", "blank lines"],
)
def test_a_strange_file_is_read(tmp_path, content, names, last):
    sample = read(write(tmp_path, content))
    assert list(sample.rows.columns) == names
    assert sample.rows.iloc[-1].tolist() == last


def test_a_first_line_of_numbers_is_no_header_unless_it_has_the_named_columns(tmp_path):
    file = write(tmp_path, "id,2018,2019,label\na,1,2,x\nb,2,3,y\n")
    assert list(read(file).rows.columns) == ["column_1", "column_2", "column_3", "column_4"]
    assert read(file).total == 3
    assert list(read(file, named=["label"]).rows.columns) == ["id", "2018", "2019", "label"]
    assert read(file, header=True).total == 2


def test_two_columns_of_one_name_are_refused_as_a_night_would(tmp_path):
    with pytest.raises(SourceError, match=r"two columns share a name .found: b"):
        read(write(tmp_path, "a,b,b\n1,2,3\n"), header=True)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"a,b\n1,2,3\n3,4,5\n", "x.csv", "most lines .* line 2 has 3 values instead of 2"),
        (b"a,b,c\n", "x.csv", "a header and nothing else"),
        (b"", "x.csv", "is empty"),
        (b"a,b\n1,2\n", "x.csv.gz", "its compression"),
        (gzip.compress(b"a,b\n1,2\n" * 99)[:-20], "x.csv.gz", "its compression"),
        (gzip.compress(random_lines())[:-20], "x.csv.gz", "its compression"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "x.csv.gz", "no delimited text .found: compressed by gzip"),
        (b"PAR1 but not", "x.parquet", "as a table"),
    ],
    ids=[
        "all too long",
        "header only",
        "empty",
        "not gzip",
        "cut gzip",
        "cut large gzip",
        "gzip of gzip",
        "not parquet",
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(tmp_path, content, name, said):
    file = write(tmp_path, content, name)
    with pytest.raises(SourceError, match=said) as error:
        read(file)
    assert name in str(error.value)


@pytest.mark.parametrize("options", [{"encoding": "klingon"}, {"sql": ""}])
def test_what_a_person_says_wrongly_is_refused(tmp_path, options):
    where = write(tmp_path, "a,b\n1,2\n") if "encoding" in options else "sqlite:///x.db"
    with pytest.raises(SourceError, match=r"klingon|add --query"):
        read(where, **options)


def test_a_file_s_own_name_is_no_pattern(tmp_path):
    write(tmp_path, "a,b\n1,x\n", "a1.csv")
    assert read(write(tmp_path, "a,b\n2,x\n", "a[1].csv")).rows["a"].tolist() == ["2"]


@pytest.mark.parametrize(("data", "said"), [("", "its path is empty"), ("none.csv", "correct the path")])
def test_where_there_is_no_file_the_reason_is_told(tmp_path, monkeypatch, data, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "a,b\n1,x\n")
    with pytest.raises(SourceError, match=said):
        read(data)


def test_files_of_a_folder_are_one_table_and_must_be_alike(tmp_path):
    for day in range(3):
        write(tmp_path, f"a,b\n{day},x\n", f"{day}.csv")
    sample = read(tmp_path)
    assert sample.rows["a"].tolist() == ["0", "1", "2"]
    assert sample.table.where == f"{tmp_path}/*.csv"
    assert read(f"{tmp_path}/[01].csv").total == 2
    write(tmp_path, "a,c\n3,x\n", "3.csv")
    with pytest.raises(SourceError, match=r"3\.csv.* 0\.csv.*b, c in one of them only"):
        read(tmp_path)
    (tmp_path / "3.csv").rename(tmp_path / "3.parquet")
    with pytest.raises(SourceError, match="several formats"):
        read(tmp_path)


def test_parquet_keeps_its_types(tmp_path):
    frame = pd.DataFrame({"n": [1.0, np.nan, 3.0], "yes": [True, False, True], "t": pd.date_range("2024", periods=3)})
    frame.to_parquet(tmp_path / "x.parquet")
    rows = read(tmp_path / "x.parquet").rows
    assert rows.astype({"yes": "bool"}).equals(frame)


def test_lines_that_are_no_rows_are_told_and_left_out(tmp_path):
    found = read(write(tmp_path, b"a,b\n1,2\n3,4,5\n6,7\n"))
    assert found.rows.to_dict("list") == {"a": ["1", "6"], "b": ["2", "7"]}
    assert found.unread == (1, ("line 3 has 3 values instead of 2: 3,4,5",))


def test_a_line_that_says_the_delimiter_is_told_as_it_stands(tmp_path):
    assert read(write(tmp_path, b"sep=;\na;b\n1;2\n")).table.told == ("the first line says 'sep=;'",)


def test_a_delimiter_at_the_end_of_every_line_is_no_column(tmp_path):
    assert read(write(tmp_path, b"a,b\n1,2,\n3,4,\n")).rows.to_dict("list") == {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize(
    ("text", "form", "rows"),
    [
        ("sep=;\na;b\n1;2\n", {"delimiter": ";", "skip": 1}, [["1", "2"]]),
        ("Report of May\n\nid,name,score\n1,x,2.5\n2,y,3.5\n", {"skip": 2}, [["1", "x", "2.5"], ["2", "y", "3.5"]]),
        ("id,size,price\n,cm,EUR\n1,2.5,3\n2,3.5,4\n", {"header_lines": 2}, [["1", "2.5", "3"], ["2", "3.5", "4"]]),
        ("id,n\nA,1\nB,2\nTotal,3\n", {"leave_out": ("Total",)}, [["A", "1"], ["B", "2"]]),
        ("id,n\nA,1\nid,n\nB,2\n", {}, [["A", "1"], ["B", "2"]]),
        ("a,b\n'x, y','z'\n'u, v','w'\n", {"quote": "'"}, [["x, y", "z"], ["u, v", "w"]]),
        ('a,b\n"x \\"y\\" z",1\n"u, v",2\n', {"escape": "\\"}, [['x "y" z', "1"], ["u, v", "2"]]),
        ('a, b\n"x, y", "z"\n"u, v", "w"\n', {"delimiter": ", "}, [["x, y", "z"], ["u, v", "w"]]),
    ],
    ids=["sep", "preamble", "two lines of names", "total", "header again", "quote", "escape", "delimiter and space"],
)
def test_the_form_of_a_text_is_found(tmp_path, text, form, rows):
    found = read(write(tmp_path, text.encode()))
    declared = found.table.form
    assert {name: getattr(declared, name) for name in form} == form
    assert found.rows.to_numpy().tolist() == rows


@pytest.fixture
def database(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE sale (id INTEGER, price REAL, bad INTEGER)")
        connection.executemany("INSERT INTO sale VALUES (?, ?, ?)", [(n, n / 2, n % 2) for n in range(100)])
    connection.close()
    return f"sqlite:///{tmp_path / 'x.db'}"


def test_a_query_is_read(database, monkeypatch):
    sample = read(database, sql="SELECT id, price FROM sale WHERE bad = 1;")
    assert sample.total == 50
    assert sample.rows["id"].tolist() == list(range(1, 100, 2))
    monkeypatch.setenv("WHERE_IT_IS", database.removeprefix("sqlite:///"))
    assert read("sqlite:///${WHERE_IT_IS}", sql="SELECT 1 AS one").total == 1


@pytest.mark.parametrize(
    ("url", "sql", "said"),
    [
        ("", "SELECT absent FROM sale", "no such column"),
        ("", "SELECT id FROM sale WHERE 0", "a header and nothing else"),
        ("", "SELECT id, price AS id FROM sale", "share a name"),
        ("sqlite:////nowhere/x.db", "SELECT 1", "no file /nowhere/x.db"),
        ("nosuch://h/db", "SELECT 1", "with an installed driver"),
        ("postgresql://u:geheim@h:port/db", "SELECT 1", "with an installed driver"),
        ("sqlite:///${NOT_SET_ANYWHERE}", "SELECT 1", "no 'NOT_SET_ANYWHERE'"),
    ],
)
def test_a_database_that_does_not_answer_is_named_without_its_password(database, url, sql, said):
    with pytest.raises(SourceError, match=said) as error:
        read(url or database, sql=sql)
    assert "geheim" not in str(error.value)


def test_no_password_is_shown():
    assert without_password("postgresql://u:p%40ss@h/db") == "postgresql://u:***@h/db"
    assert without_password("postgresql://h/db?user=u&password=pw&x=1") == "postgresql://h/db?user=u&password=***&x=1"
    assert without_password("postgresql://u:${SECRET}@h/db") == "postgresql://u:${SECRET}@h/db"


def test_a_column_is_quoted_as_its_database_does():
    assert quoted_name("mysql://u:${PW}@h:${PORT}/d", "a`t") == "`a``t`"
    assert quoted_name("sqlite:///x.db", "at") == '"at"'


def test_a_sample_is_drawn_evenly_and_rare_labels_are_counted_in_all_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ROWS", 2_000)
    monkeypatch.setattr(reading, "CHUNK", 3_000)
    rows = "".join(f"{number},{'rare' if number in (7, 29_999) else 'common'}\n" for number in range(30_000))
    table = reading.describe(str(write(tmp_path, f"n,label\n{rows}")))
    sample = reading.draw(table, count=["label"])
    assert (sample.total, len(sample.rows), sample.whole) == (30_000, 2_000, False)
    assert sample.counts["label"] == {"common": 29_998, "rare": 2}
    drawn = sample.rows["n"].astype(int)
    assert drawn.is_monotonic_increasing
    assert abs(drawn.mean() - 15_000) < 1_000  # five standard errors
    assert reading.draw(table).rows.equals(sample.rows)


def test_wide_tables_are_sampled_by_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_CELLS", 400 * 1_500)
    header = ",".join(f"c{number}" for number in range(400))
    file = write(tmp_path, f"{header}\n" + (",".join(["1"] * 400) + "\n") * 2_000)
    sample = read(file)
    assert (sample.rows.shape, sample.total) == ((1_500, 400), 2_000)


def test_a_label_of_many_values_is_no_label(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_COUNTED", 100)
    table = reading.describe(str(write(tmp_path, "n,x\n" + "".join(f"{number},1\n" for number in range(101)))))
    with pytest.raises(SourceError, match="more than 100 different values"):
        reading.draw(table, count=["n"])


def test_repetitions_are_counted_over_pieces():
    pieces = [pd.Series(["a", "b", None]), pd.Series(["b", "b", " "])]
    assert reading.repetitions_in(pieces) == (2, 2)


def test_what_cannot_be_the_place_of_a_table_is_told(tmp_path):
    (tmp_path / "rows.csv").write_text("a,y\n1,0\n")
    with pytest.raises(SourceError, match=r"a query is of a database.*--query SELECT 1.*leave --query out"):
        reading.describe(str(tmp_path / "rows.csv"), sql="SELECT 1")
    with pytest.raises(SourceError, match="reading the table: its path is empty"):
        reading.describe(" ")


def test_a_folder_has_no_files_that_nights_pass_over(tmp_path):
    for place in (
        "rows.csv",
        "more/rows.csv",
        ".leeway/reports/report.html",
        "more/.old/rows.csv",
        "_SUCCESS",
        ".rows.csv",
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("a,y\n1,0\n")
    files = reading.describe(str(tmp_path)).files
    assert [str(file.relative_to(tmp_path)) for file in files] == ["more/rows.csv", "rows.csv"]


@pytest.mark.parametrize("day", ["20000-01-01", "0044-03-15 BC"])
def test_a_date_beyond_python_s_is_told_as_the_query_s(server, day):
    with pytest.raises(SourceError, match=r"cannot be read as a table .found: year -?\d+ is out of range"):
        read(server.render_as_string(hide_password=False), sql=f"SELECT date '{day}' AS day, 1 AS bad")
