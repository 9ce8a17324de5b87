"""Real bookings with a real delay of labels, by the flows; the whole of it is benchmarks/hotel_bookings.py."""

from pathlib import Path

import pandas as pd
import pytest

import leeway.model.bundle
from flows.backfill import backfill
from flows.nightly import nightly
from flows.train import train
from leeway.dataset import snapshots
from leeway.definition import catalog
from leeway.definition.grains import WEEK
from leeway.definition.partitions import Partition
from leeway.ingest import quarantine
from leeway.training import fit
from tests.conftest import SHARED_DATA, forget

NAME = "hotel_bookings"
PROJECT = Path(__file__).parents[1] / "projects" / "hotel"

pytestmark = pytest.mark.skipif(
    not (SHARED_DATA / "hotel_bookings.parquet").exists(), reason="needs ../shared/data/hotel_bookings.parquet"
)


def test_weeks_of_real_bookings_are_ingested_learnt_and_scored_without_a_label_before_its_time(
    project, prefect, monkeypatch
):
    monkeypatch.setenv("LEEWAY_PROJECT", str(PROJECT))
    forget()
    cut = Partition.parse("2016-03-28", WEEK)
    history = backfill(NAME, cut.shift(-12).key, cut.shift(-1).key, stage="ingest", dry_run=False)
    assert (history.done, history.failed) == (12, {})
    decision = train(NAME, cut.start, "the first one", "test")
    assert decision.promoted, decision.verdicts

    [bundle] = fit.folder_of(NAME, "0" * 16).parent.iterdir()
    card = leeway.model.bundle.load(bundle).card
    learnt = snapshots.read(NAME, card.snapshot)
    assert (learnt["known_at"] <= pd.Timestamp(cut.start)).all()

    night = nightly(NAME, cut.key)
    assert night.scored.rows == night.ingested.rows > 900
    assert night.monitored.verdict in ("quiet", "drift", "suspect", "data fault")
    assert "reservation_status" not in catalog.load(NAME).features
    assert all(item.broken for item in quarantine.rows(catalog.load(NAME)))
