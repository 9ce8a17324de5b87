"""When nights run, and what drift leads to."""

from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from leeway.definition.value import Duration, Timezone, Value


class DriftPolicy(Value):
    """When drift is a breach, and what follows.

    Attributes:
        quantile: a partition drifts when its largest standardised distance exceeds this quantile of the reference
            partitions' own.
        tolerance: the smallest harm worth acting on: how far scores lie from labels along a column, as a root mean
            square, in standard deviations of the label.
        confirm: harm must be seen in `confirm` of the last `among` partitions.
        cooldown: after a retrain is requested, no other is for this long.
        reference: a partition is held against at most this many of the most recent ones before the training.
        label_age: how old a partition must be for its labels to be held against its scores, the same in the reference and
            every night; by default the label's maturity. Labels that are known later than that do not count.
        min_reference: with fewer reference partitions than this, the monitor watches and never acts.
        retrain: `auto` starts the retraining by itself, `hold` waits for a person, `never` only reports.
    """

    quantile: float = Field(default=0.99, gt=0.5, lt=1)
    tolerance: float = Field(default=0.1, ge=0)
    confirm: int = Field(default=2, ge=1)
    among: int = Field(default=3, ge=1)
    cooldown: Duration = timedelta(days=7)
    label_age: timedelta | None = Field(default=None, ge=timedelta(0))
    reference: int = Field(default=60, ge=3)
    min_reference: int = Field(default=8, ge=3)
    retrain: Literal["auto", "hold", "never"] = "auto"

    @model_validator(mode="after")
    def _confirmable(self) -> Self:
        if self.confirm > self.among:
            raise ValueError(f"confirm={self.confirm} of among={self.among} can never happen; confirm must be <= among")
        return self


class Schedule(Value):
    """When the night runs: a cron line in a time zone.

    Attributes:
        catch_up: how far back a night makes up for nights that were missed.
    """

    cron: str = "0 2 * * *"
    timezone: Timezone = "UTC"
    catch_up: timedelta = Field(default=timedelta(days=14), ge=timedelta(0))

    @model_validator(mode="after")
    def _parses(self) -> Self:
        from cronsim import CronSim, CronSimError

        try:
            CronSim(self.cron, datetime(2000, 1, 1))
        except CronSimError as error:
            raise ValueError(f"cron {self.cron!r} is not a cron line ({error}); for example '0 2 * * *'") from error
        return self
