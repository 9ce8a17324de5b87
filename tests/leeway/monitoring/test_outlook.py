import re

import pandas as pd
import sqlalchemy as sa

from leeway.definition.grains import DAY
from leeway.detection.maturity import Arrived, Maturity, ages_of, tell
from leeway.model.bundle import Bundle
from leeway.monitoring import night, outlook, realised, report
from leeway.scoring.batch_scoring import score
from leeway.store.database import database
from leeway.store.tables import monitoring, sketch, tables_of
from leeway.store.tables import partition as ledger


def nightly(world, number):
    score(world.classifier, world.day(number))
    return night.run(world.classifier, world.day(number))


def again(world, number):
    """Monitor a partition once more, as if it had not been."""
    with database().transaction() as connection:
        connection.execute(
            sa.delete(ledger).where(ledger.c.partition == world.day(number).key, ledger.c.stage == "monitor")
        )
    return night.run(world.classifier, world.day(number))


def evidence(world, number):
    with database().transaction() as connection:
        return connection.scalar(
            sa.select(monitoring.c.evidence).where(monitoring.c.partition == world.day(number).key)
        )


def held(world, number):
    with database().transaction() as connection:
        return connection.scalar(sa.select(sketch.c.label_residuals).where(sketch.c.partition == world.day(number).key))


def known(world, before, of):
    with database().transaction() as connection:
        found = realised.until(connection, "toy", world.day(before), 56)
    return found.get(world.day(of).key)


def correct(world, number, at):
    """Every label of a day turns out to be wrong."""
    label = tables_of(world.classifier).label
    wrong = sa.select(label.c.event_id, sa.literal(at), sa.not_(label.c.positive), sa.literal("correction"))
    names = ["event_id", "known_at", "positive", "delivery"]
    with database().transaction() as connection:
        mine = label.c.event_id.like(f"{world.day(number).key}%")
        connection.execute(sa.insert(label).from_select(names, wrong.where(mine)))


def test_a_correction_changes_what_is_known_from_its_own_time_on_and_nothing_before(quick):
    quick.fill(first=20, count=4)
    for number in (20, 21):  # with the second night the first one's labels count
        nightly(quick, number)
    residual, first = held(quick, 21), known(quick, before=22, of=20)
    correct(quick, 20, at=quick.day(22).start + pd.Timedelta(hours=12))
    again(quick, 21)
    assert held(quick, 21) == residual
    assert known(quick, before=22, of=20) == first
    nightly(quick, 22)
    assert held(quick, 21) == residual
    assert known(quick, before=22, of=20) == first
    later = known(quick, before=23, of=20)
    assert later.metrics["accuracy"] == 1 - first.metrics["accuracy"]
    assert known(quick, before=23, of=21).labels == 40
    nightly(quick, 23)
    assert known(quick, before=24, of=20) == later


def test_a_correction_before_labels_count_is_what_counts(quick):
    quick.fill(first=20, count=2)
    nightly(quick, 20)
    correct(quick, 20, at=quick.day(21).end)
    nightly(quick, 21)
    assert held(quick, 21)["rates"][0] == 1 - known_rate(quick, 20)


def known_rate(world, number):
    label = tables_of(world.classifier).label
    own = sa.select(sa.func.avg(sa.cast(label.c.positive, sa.Integer))).where(
        label.c.event_id.like(f"{world.day(number).key}%"), label.c.delivery == "first"
    )
    with database().transaction() as connection:
        return float(connection.scalar(own))


def test_labels_that_are_late_are_told_before_they_would_count_and_do_not_count_if_too_few(world):
    world.one_trial().redeclare("delay=days(1)", "delay=days(3)")
    world.fill(count=24).crown(24)
    world.fill(first=24, count=5)
    label = tables_of(world.classifier).label
    day = world.day(24)
    with database().transaction() as connection:
        some = label.c.event_id.like(f"{day.key}%") & label.c.event_id.not_like("%-1%")
        connection.execute(sa.update(label).where(some).values(known_at=world.day(28).start + pd.Timedelta(hours=6)))
    assert "labels are late" not in nightly(world, 24).why
    assert re.search(
        rf"labels are late: \d+% of those of {day} are known 1 day after, usually 100%$", nightly(world, 25).why
    )
    nightly(world, 26)
    found = nightly(world, 27)
    assert re.search(rf"of those of {day} are known at the age .* usually 100%; they do not count$", found.why)
    assert "no mature labels yet" in found.why
    assert held(world, 27) is None
    arrived = [Arrived(**item) for item in evidence(world, 27)["labels"]]
    assert [(item.age, item.late) for item in arrived] == [(None, True), (2, False), (1, False), (0, False)]
    assert known(world, before=28, of=24) is None
    nightly(world, 28)
    assert known(world, before=29, of=24).labels == 40  # by now all of them are there
    page = report.path_of("toy", world.day(27)).read_text(encoding="utf-8")
    assert "Labels still to come: 40 of 120" in page
    assert found.request is None


def test_the_record_and_the_report_have_the_estimate_beside_what_became_of_it(quick):
    quick.fill(first=20, count=3)
    for number in (20, 21, 22):
        nightly(quick, number)
    told = evidence(quick, 22)["estimated"]
    assert set(told["metrics"]) == {"accuracy", "precision", "recall", "roc_auc", "log_loss"}
    assert all(low <= value <= high for value, low, high in told["metrics"].values())
    page = report.path_of("toy", quick.day(22)).read_text(encoding="utf-8")
    for title in (
        "Performance, as estimated and by labels",
        "Calibration",
        "Slices where labels and scores differ most",
    ):
        assert f"<summary>{title}</summary>" in page
    assert f"By labels: of {quick.day(21)}, the last that are known" in page
    assert "kind = " in page
    assert len(page.encode()) < 4_000_000


def test_estimates_stay_off_where_nothing_can_be_said(quick, monkeypatch):
    quick.fill(first=20, count=1)
    monkeypatch.setattr(Bundle, "known", None)
    nightly(quick, 20)
    assert "was trained before Leeway made estimates" in evidence(quick, 20)["estimated"]["why"]
    page = report.path_of("toy", quick.day(20)).read_text(encoding="utf-8")
    assert "Not estimated: the champion was trained before" in page


def test_an_estimate_that_was_worse_than_a_constant_is_switched_off_by_the_labels_of_its_nights(quick):
    quick.fill(first=20, count=2)
    nightly(quick, 20)
    nightly(quick, 21)
    bad, day = {"metrics": {"accuracy": [0.01, 0.0, 0.02]}, "effective": 1.0, "off": {}}, quick.day(20)
    with database().transaction() as connection:
        record = connection.execute(sa.select(monitoring).where(monitoring.c.partition == day.key)).one()._mapping
        label = connection.execute(sa.select(realised.table)).first()._mapping
        for back in range(1, 57):
            key = day.shift(-back).key
            connection.execute(
                sa.insert(monitoring).values(
                    {**record, "partition": key, "evidence": {**record["evidence"], "estimated": bad}}
                )
            )
            connection.execute(sa.insert(realised.table).values({**label, "night": day.key, "partition": key}))
    again(quick, 21)
    told = evidence(quick, 21)["estimated"]
    assert "the reference's mean has an error of" in told["off"]["accuracy"]
    page = report.path_of("toy", quick.day(21)).read_text(encoding="utf-8")
    assert "Switched off for accuracy" in page


def test_no_age_is_looked_at_beyond_that_where_labels_count(world):
    assert ages_of(world.classifier) == [0]
    world.redeclare("delay=days(1)", "delay=days(90)")
    ages = ages_of(world.classifier)
    assert (ages[0], ages[-1], len(ages)) == (0, 89, 14)
    world.redeclare("delay=days(90)", "delay=days(0)")
    assert ages_of(world.classifier) == []


def test_fewer_labels_than_ordinarily_are_late_only_if_they_are_clearly_fewer():
    import numpy as np

    share = np.column_stack([np.tile([0.3, 0.5, 0.4, 0.2, 0.6], 4), np.full(20, 0.98), np.full(20, np.nan)])
    maturity = Maturity.of([0, 1], share)
    assert maturity.least(0) < 0.0  # it varies too much to say
    assert maturity.least(1) == 0.98 - 0.1
    assert maturity.least() == 0.0  # no partition is old enough
    quiet = Arrived("2026-03-01", 1, 100, 90, 0.98, late=False)
    late = Arrived("2026-03-02", 0, 100, 10, 0.98, late=True)
    assert tell([quiet], DAY) is None
    assert tell([quiet, late], DAY) == (
        "labels are late: 10% of those of 2026-03-02 are known at the end of its day, usually 98%"
    )
    assert outlook.BACK >= 14
