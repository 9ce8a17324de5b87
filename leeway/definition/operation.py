"""When nights run, and what drift leads to."""

from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from leeway.definition.grains import Grain
from leeway.definition.value import Duration, Timezone, Value


class DriftPolicy(Value):
    """When drift is a breach, and what follows.

    Attributes:
        alarms_per_year: the budget: how many false alarms, alerts and breaches together, a year may bring. From it and from
            the reference's own partitions follows how far one must lie out.
        impact: the smallest shift of the mean score worth an alarm, in probability.
        tolerance: the smallest harm worth acting on: how far scores lie from labels along a column, in standard deviations
            of the label.
        confirm, among: an alarm must be seen in `confirm` of the last `among` partitions.
        cooldown: after a retrain is requested, no other is for this long.
        promotions_per_quarter: so many champions may come of breaches within 91 days; further breaches change nothing.
        reference: a partition is held against at most this many of the most recent ones before the training; by default
            half a year of days or four weeks of hours, two years of weeks, five of months.
        label_age: how old a partition must be for its labels to be held against its scores, the same in the reference and
            every night; by default the label's maturity. Labels that are known later than that do not count.
        min_reference: with fewer reference partitions than this, limits are analytic, and the monitor watches and never
            acts; by default eight weeks of days, two of hours, twelve weeks or months.
        quantile: a column has moved, for the eye, when its standardised distance exceeds this quantile of the reference
            partitions' own largest.
        retrain: `auto` starts the retraining by itself, `hold` waits for a person, `never` only reports.
    """

    alarms_per_year: float = Field(default=2.0, gt=0)
    impact: float = Field(default=0.01, ge=0, lt=1)
    tolerance: float = Field(default=0.1, ge=0)
    confirm: int = Field(default=2, ge=1)
    among: int = Field(default=3, ge=1)
    cooldown: Duration = timedelta(days=7)
    promotions_per_quarter: int = Field(default=4, ge=1)
    label_age: timedelta | None = Field(default=None, ge=timedelta(0))
    reference: int | None = Field(default=None, ge=3)
    min_reference: int | None = Field(default=None, ge=3)
    quantile: float = Field(default=0.99, gt=0.5, lt=1)
    retrain: Literal["auto", "hold", "never"] = "auto"

    def most_reference(self, grain: Grain) -> int:
        """How many partitions there are in a reference at most."""
        return self.reference or grain.most_reference

    def least_reference(self, grain: Grain) -> int:
        """With how many partitions in the reference the monitor begins to act."""
        return self.min_reference or grain.least_reference

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
