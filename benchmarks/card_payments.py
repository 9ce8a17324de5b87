"""The example classifier over files of payments, for the benchmarks that need nights of a size; it prints nothing by itself."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = "payments"


def write(root: Path, days: Sequence[datetime], counts: Sequence[int], names: Iterable[str] = (NAME,)) -> None:
    """A project whose classifiers, all of them alike, see that many payments a day; ten days are enough to train them.

    Args:
        days: midnights in UTC, one for each file.
        counts: how many payments each of the days has.
    """
    from leeway.ingest.simulators.payments import Payments

    for kind in ("data", "models", "expectations"):
        (root / kind).mkdir()
    for day, count in zip(days, counts, strict=True):
        stream = Payments(rows_per_day=count, cards=100_000, merchants=5_000)
        stream.rows(day, day + timedelta(days=1)).to_parquet(root / "data" / f"{day:%Y-%m-%d}.parquet", index=False)
    model = _matures_early((ROOT / "models" / f"{NAME}.py").read_text())
    suite = (ROOT / "expectations" / f"{NAME}.py").read_text().replace("max_value=3_000", "max_value=100_000_000")
    for name in names:
        (root / "models" / f"{name}.py").write_text(model)
        (root / "expectations" / f"{name}.py").write_text(suite)


def _matures_early(model: str) -> str:
    """The example's definition, over the files, with a label that is known after a day."""
    start, end = model.index("    source=Simulator("), model.index("    event_id=")
    model = model[:start] + '    source=Parquet(path="data/*.parquet"),\n' + model[end:]
    for old, new in (
        ("    Simulator,\n", "    Parquet,\n"),
        ("delay=days(7)", "delay=days(1)"),
        ("holdout=days(4)", "holdout=days(2)"),
    ):
        assert old in model
        model = model.replace(old, new)
    return model
