"""What files hold, however they are written: blanks, headers, quotes, archives, folders of Parquet."""

import bz2
import gzip
import lzma
import os
import zipfile

import pandas as pd
import pytest

from leeway.core.errors import SourceError
from leeway.core.settings import settings
from leeway.definition import CSV, Folder, Parquet
from leeway.ingest.reading import delimited, parquet
from leeway.ingest.sources.kinds import kind_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def matching(source):
    return kind_of(source).matching(source)


def chunks(source, file):
    return kind_of(source).chunks(source, file)


def read(source):
    return pd.concat([rows for file in matching(source) for rows in chunks(source, file)])


def refused(source, reason):
    with pytest.raises(SourceError, match=reason) as caught:
        read(source)
    assert "\n" not in str(caught.value)


def test_only_blanks_and_declared_spellings_are_missing(folder):
    (folder / "a.csv").write_text("a,b\nNA,None\n?, \n,null\n ? ,x\n")
    assert read(CSV(path="a.csv")).isna().to_numpy().tolist() == [
        [False, False],
        [False, True],
        [True, False],
        [False, False],
    ]
    assert read(CSV(path="a.csv", missing=("?", "NA")))["a"].isna().all()


def test_a_file_without_a_header_gets_the_declared_names_and_loses_no_row(folder):
    (folder / "a.csv").write_text("1,2\n3,4\n")
    found = read(CSV(path="a.csv", header=("a", "b")))
    assert found.to_dict("list") == {"a": ["1", "3"], "b": ["2", "4"]}


def test_quotes_line_breaks_and_long_delimiters(folder):
    (folder / "a.csv").write_text("a||b\n'x\ny'||'it''s'\n||2\n")
    found = read(CSV(path="a.csv", delimiter="||", quote="'"))
    assert found.iloc[0].tolist() == ["x\ny", "it's"]
    assert found["b"].tolist()[1] == "2"


@pytest.mark.parametrize("suffix", ["bz2", "xz", "zip"])
def test_compressed_files_are_read(folder, suffix):
    content, path = b"a,b\n1,\xc3\xbc\n", folder / f"a.csv.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", content)
    else:
        path.write_bytes({"bz2": bz2, "xz": lzma}[suffix].compress(content))
    assert read(CSV(path=path.name))["b"].tolist() == ["ü"]


def test_an_archive_of_two_files_is_refused(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n2\n")
    refused(CSV(path="a.zip"), "the archive does not hold exactly one file")


def test_what_a_mac_adds_to_an_archive_is_no_file_of_it(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("__MACOSX/._a.csv", "junk")
    assert read(CSV(path="a.zip"))["a"].tolist() == ["1"]


OTHER_FORMATS = {
    "Excel": b"PK\x03\x04\x14\x00\x00",
    "gzip": gzip.compress(b"a\n1\n"),
    "bzip2": bz2.compress(b"a\n1\n"),
    "xz": lzma.compress(b"a\n1\n"),
    "Parquet": b"PAR1\x15\x04\x15",
    "SQLite": b"SQLite format 3\x00",
    "JSON": b'\xef\xbb\xbf [\n {"a": 1}]',
    "HTML": b"\n<!DOCTYPE html><table>",
}


@pytest.mark.parametrize("found", OTHER_FORMATS)
def test_a_file_of_another_format_is_refused_by_the_format_s_name(folder, found):
    (folder / "a.csv").write_bytes(OTHER_FORMATS[found])
    refused(CSV(path="a.csv"), rf"reading \S*a\.csv: it is no delimited text \(found: .*{found}.*\); .")
    (folder / "a.csv.gz").write_bytes(gzip.compress(OTHER_FORMATS[found]))
    refused(CSV(path="a.csv.gz"), rf"it is no delimited text \(found: .*{found}")


def test_names_that_resemble_another_format_are_names(folder):
    for text in ("PAR1,PAR2\n1,2\n", "PK,BZh9\n1,2\n", "{a},[b]\n1,2\n"):
        (folder / "a.csv").write_text(text)
        assert read(CSV(path="a.csv")).shape == (1, 2)


def test_a_file_s_own_name_is_no_pattern(folder, monkeypatch):
    project = folder / "of [us]"
    (project / "data").mkdir(parents=True)
    monkeypatch.setenv("LEEWAY_PROJECT", str(project))
    settings.cache_clear()
    (project / "a[1].csv").write_text("a\n1\n")
    (project / "a1.csv").write_text("a\n2\n")
    assert read(CSV(path="a[1].csv"))["a"].tolist() == ["1"]
    assert read(CSV(path="a[0-9].csv"))["a"].tolist() == ["2"]
    pd.DataFrame({"a": [3]}).to_parquet(project / "data" / "b.parquet")
    for path in ("data", "data/*.parquet"):
        assert read(Parquet(path=path))["a"].tolist() == [3]


@pytest.mark.parametrize("block", [1 << 20, *range(1, 12)])
def test_a_mark_amid_a_file_is_that_of_a_file_put_behind_another(folder, monkeypatch, block):
    monkeypatch.setattr(delimited, "BLOCK", block)
    monkeypatch.setattr(delimited, "HEAD", block)
    (folder / "a.csv").write_bytes(b"a,b\r\n1,2\r\n" + "\ufeffa,b\r\n3,4\r\n\ufeff5,\ufeff6\r\n".encode())
    assert read(CSV(path="a.csv")).to_numpy().tolist() == [["1", "2"], ["3", "4"], ["5", "\ufeff6"]]


def test_a_mark_before_the_header_is_no_part_of_its_first_name(folder):
    (folder / "a.csv").write_bytes("\ufeffa,b\n1,2\n".encode())
    assert list(read(CSV(path="a.csv"))) == ["a", "b"]


def test_two_columns_of_one_name_are_refused_not_renamed(folder):
    (folder / "a.csv").write_text("a,a\n1,2\n")
    refused(CSV(path="a.csv"), r"share a name \(found: a\)")


def test_parts_of_a_file_are_indexed_by_their_place_in_it(folder, monkeypatch):
    monkeypatch.setattr(parquet, "CELLS", 4)
    monkeypatch.setattr(delimited, "BLOCK", 8)
    monkeypatch.setattr(delimited, "HEAD", 12)
    (folder / "a.csv").write_text("a,b\n" + "1,2\n" * 5)
    pd.DataFrame({"a": range(5), "b": range(5)}).to_parquet(folder / "a.parquet")
    for source in (CSV(path="a.csv"), Parquet(path="a.parquet")):
        (file,) = matching(source)
        parts = list(chunks(source, file))
        assert [len(part) for part in parts] == [2, 2, 1]
        assert [place for part in parts for place in part.index] == [0, 1, 2, 3, 4]


def test_several_functions_prepare_in_turn(folder):
    (folder / "a.csv").write_text("a\n1\n")
    first, second = (lambda rows: rows.assign(b=rows["a"] + "b")), (lambda rows: rows.assign(c=rows["b"] + "c"))
    assert read(CSV(path="a.csv", prepare=(first, second)))["c"].tolist() == ["1bc"]


def test_a_folder_of_parquet_has_the_columns_that_its_folders_name(folder):
    for year in (2025, 2026):
        (folder / "data" / f"year={year}").mkdir(parents=True)
        pd.DataFrame({"a": [year]}).to_parquet(folder / "data" / f"year={year}" / "part.parquet")
    assert read(Parquet(path="data"))["year"].tolist() == ["2025", "2026"]


def test_the_index_that_pandas_wrote_is_a_column(folder):
    pd.DataFrame({"a": [1.5]}, index=pd.Index(["x"], name="id")).to_parquet(folder / "a.parquet")
    assert read(Parquet(path="a.parquet"))["id"].tolist() == ["x"]


def test_unfinished_files_of_a_folder_are_left_alone(folder):
    (folder / "in").mkdir()
    for name in ("a.csv", "b.csv.part", "c.csv.tmp", ".d.csv", "_e.csv", "f.csv~"):
        (folder / "in" / name).write_text("a\n1\n")
    assert [file.name for file in matching(Folder(path="in"))] == ["a.csv"]
    with pytest.raises(SourceError, match="the folder is not there"):
        matching(Folder(path="out"))


def test_a_file_that_changes_while_it_is_read_is_refused(folder, monkeypatch):
    path = folder / "a.csv"
    path.write_text("a\n" + "1\n" * 4)
    monkeypatch.setattr(delimited, "BLOCK", 2)
    monkeypatch.setattr(delimited, "HEAD", 2)
    parts = chunks(CSV(path="a.csv"), path)
    next(parts)
    os.utime(path, ns=(1, 1))
    with pytest.raises(SourceError, match="changed while it was read"):
        list(parts)
