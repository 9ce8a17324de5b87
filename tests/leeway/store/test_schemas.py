import pytest
import sqlalchemy as sa

from leeway.core.errors import StoreError
from leeway.definition import CSV, Classifier, Label, boolean, categorical, days, identifier, numeric
from leeway.store.database import database
from leeway.store.schemas import ensure_tables


def toy(**columns):
    return Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", delay=days(1)),
        columns={"amount": numeric(), **columns},
        name="toy",
    )


def insert(connection, table, event_id, **values):
    fixed = {"known_at": sa.func.now(), "event_time": sa.func.now(), "partition": "p", "delivery": "d"}
    connection.execute(sa.insert(table).values(event_id=event_id, **fixed, **values))


def test_tables_are_made_once_and_a_second_time_changes_nothing(project):
    with database().transaction() as connection:
        tables = ensure_tables(connection, toy())
        insert(connection, tables.event, "a", amount=1.5)
    with database().transaction() as connection:
        assert ensure_tables(connection, toy()).event.c.keys() == tables.event.c.keys()
        names = sa.inspect(connection).get_table_names("toy")
        assert connection.scalar(sa.select(tables.event.c.amount)) == 1.5
    assert sorted(names) == ["event", "label", "prediction", "quarantine", "seen"]


@pytest.mark.parametrize("name", ["card", "select", "a b", 'quo"te', "100%", "x:y", "x :y", "%(z)s", "Größe"])
def test_a_column_that_the_definition_gained_is_empty_in_the_rows_that_were_there(project, name):
    with database().transaction() as connection:
        insert(connection, ensure_tables(connection, toy()).event, "a", amount=1.5)
    with database().transaction() as connection:
        event = ensure_tables(connection, toy(**{name: identifier()})).event
        connection.execute(
            sa.insert(event),
            [
                {
                    "event_id": "b",
                    "known_at": "2026-03-01T00:00Z",
                    "event_time": "2026-03-01T00:00Z",
                    "partition": "p",
                    "delivery": "d",
                    name: "c",
                }
            ],
        )
        found = connection.execute(sa.select(event.c.event_id, event.c.amount, event.c[name]).order_by("event_id"))
        assert found.all() == [("a", 1.5, None), ("b", None, "c")]


def test_a_column_that_the_definition_lost_keeps_its_values(project):
    with database().transaction() as connection:
        insert(connection, ensure_tables(connection, toy(card=identifier())).event, "a", card="c")
    with database().transaction() as connection:
        ensure_tables(connection, toy())
        assert connection.scalar(sa.text("SELECT card FROM toy.event")) == "c"


@pytest.mark.parametrize("kind", [categorical(), boolean()])
def test_a_changed_kind_is_refused_with_the_way_out(project, kind):
    def change():
        with database().transaction() as connection:
            ensure_tables(connection, toy(amount=kind, other=numeric()))

    with database().transaction() as connection:
        insert(connection, ensure_tables(connection, toy()).event, "a", amount=1.5)
    with pytest.raises(
        StoreError, match=r"opening the tables of toy: .*amount is stored as DOUBLE PRECISION.*former kind"
    ):
        change()
    with database().transaction() as connection:
        assert "other" not in [column["name"] for column in sa.inspect(connection).get_columns("event", "toy")]


def test_tables_without_a_row_follow_a_changed_kind(project):
    for kind in (numeric(), categorical(), boolean()):
        with database().transaction() as connection:
            ensure_tables(connection, toy(amount=kind))
    with database().transaction() as connection:
        kinds = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns("event", "toy")}
    assert isinstance(kinds["amount"], sa.Boolean)


def test_a_categorical_column_may_become_an_identifier(project):
    for kind in (categorical(), identifier()):
        with database().transaction() as connection:
            ensure_tables(connection, toy(card=kind))
