import json

import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from leeway.cli.app import app
from leeway.core.errors import NotFound, SourceError
from leeway.scoring import file_scoring
from leeway.scoring.batch_scoring import score
from leeway.store.database import database
from leeway.store.tables import tables_of


@pytest.fixture
def delivered(quick, tmp_path):
    """The rows of a night as a file, and their scores by night."""
    day = quick.day(10)
    score(quick.classifier, day)
    tables = tables_of(quick.classifier)
    with database().transaction() as connection:
        events = connection.execute(sa.select(tables.event).where(tables.event.c.partition == day.key)).mappings().all()
        scores = connection.execute(
            sa.select(tables.prediction).where(tables.prediction.c.partition == day.key)
        ).mappings()
        nightly = {row["event_id"]: row for row in scores}
    names = [*quick.classifier.columns]
    rows = pd.DataFrame(
        [{"id": row["event_id"], "at": row["event_time"], **{name: row[name] for name in names}} for row in events]
    )
    file = tmp_path / "rows.csv"
    rows.to_csv(file, index=False, sep=";")
    return quick.classifier, rows, file, nightly


def test_a_file_is_scored_as_the_night_scored_its_rows(delivered, tmp_path):
    classifier, rows, file, nightly = delivered
    done = file_scoring.score_file(classifier, str(file), tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert (done.rows, done.unread, done.version) == (len(rows), 0, 1)
    assert found["id"].tolist() == rows["id"].tolist()
    for row in found.itertuples():
        assert (row.score, row.decision) == (nightly[row.id]["score"], nightly[row.id]["decision"])
    assert found["problem"].isna().all()


def test_rows_of_an_entity_that_are_not_stored_are_one_anothers_history(delivered, tmp_path):
    classifier, rows, file, nightly = delivered
    rows.assign(id=[f"new {number}" for number in range(len(rows))]).to_csv(file, index=False)
    with database().transaction() as connection:
        connection.execute(sa.delete(tables_of(classifier).event).where(sa.column("event_id").in_(rows["id"].tolist())))
    file_scoring.score_file(classifier, str(file), tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert found["score"].tolist() == pytest.approx([nightly[key]["score"] for key in rows["id"]], abs=1e-12)


def test_a_row_that_cannot_be_read_has_a_problem_and_no_score(delivered, tmp_path):
    classifier, rows, file, _ = delivered
    spoilt = rows.astype({"amount": "object", "at": "object"})
    spoilt.loc[0, "amount"], spoilt.loc[1, "at"], spoilt.loc[2, "id"] = "much", "yesterday", spoilt.loc[3, "id"]
    spoilt.drop(columns="kind").to_csv(file, index=False)
    done = file_scoring.score_file(classifier, str(file), tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert done.unread == 4
    assert "finite number" in found["problem"][0]
    assert "ISO 8601" in found["problem"][1]
    assert "share an id" in found["problem"][2]
    assert found["score"].isna().tolist() == [True] * 4 + [False] * (len(rows) - 4)


def test_what_cannot_be_done_is_refused_with_the_way_out(delivered, monkeypatch, tmp_path):
    classifier, _, file, _ = delivered
    with pytest.raises(SourceError, match=r"\.parquet or \.csv"):
        file_scoring.score_file(classifier, str(file), tmp_path / "out.xlsx")
    monkeypatch.setattr(file_scoring, "MOST", 3)
    with pytest.raises(SourceError, match="more than 3"):
        file_scoring.score_file(classifier, str(file), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_nobody_scores_a_file_without_a_champion(world, tmp_path):
    with pytest.raises(NotFound, match="no champion"):
        file_scoring.score_file(world.classifier, "x.csv", tmp_path / "out.csv")


def test_the_command_says_where_the_scores_are(delivered, tmp_path):
    classifier, rows, file, _ = delivered
    run = CliRunner().invoke(app, ["score-file", classifier.name, str(file), str(tmp_path / "out.csv"), "--json"])
    assert json.loads(run.stdout)["rows"] == len(rows)
