"""Card payments: is this payment fraud? Simulated, with three changes on dates that the demo lives through."""

from datetime import date

from leeway.definition import (
    Boosting,
    Classifier,
    Costs,
    DriftPolicy,
    Gates,
    History,
    Label,
    Logistic,
    PrecisionFloor,
    Simulator,
    Training,
    categorical,
    days,
    hours,
    identifier,
    numeric,
)
from leeway.ingest.simulators.payments import CorruptDelivery, NewFraudPattern, Payments, PriceRise

classifier = Classifier(
    source=Simulator(
        stream=Payments(
            changes=(
                PriceRise(on=date(2026, 3, 16)),
                CorruptDelivery(on=date(2026, 3, 19)),
                NewFraudPattern(on=date(2026, 3, 21)),
            )
        )
    ),
    event_id="payment_id",
    event_time="paid_at",
    # A dispute arrives 1 to 30 days after the payment; one that nobody has disputed for a week is taken as honest.
    label=Label(column="fraud", time="disputed_at", delay=days(7)),
    columns={
        "card_id": identifier(),
        "cardholder_email": identifier(sensitive=True),
        "merchant_id": identifier(),
        # The two tell most, and both are known when the card is held to the terminal.
        "merchant_category": categorical(known_at_event=True),
        "amount": numeric(known_at_event=True),
        "channel": categorical(),
        "card_country": categorical(),
        "merchant_country": categorical(),
        "card_age_days": numeric(),
    },
    history=(
        History(by="card_id", window=hours(1)),
        History(by="card_id", window=days(1)),
        History(by="card_id", window=days(7)),
        History(by="card_id", window=days(30), aggregate="mean", over="amount"),
        History(by="merchant_id", window=days(1)),
        History(by="merchant_id", window=days(30), aggregate="positive_rate"),
    ),
    calendar=("hour", "weekday"),
    candidates=(Logistic(C=(0.1,)), Boosting(max_leaf_nodes=(15,), max_iter=100)),
    objective=PrecisionFloor(precision=0.5),
    # A look at a payment that was called fraud, whether it is or not; a fraud that passes is lost.
    costs=Costs(false_positive=5, true_positive=5, false_negative=90, unit="€"),
    training=Training(window=days(45), holdout=days(4), folds=4, select_by="average_precision"),
    gates=Gates(floors={"roc_auc": 0.85, "average_precision": 0.3, "recall": 0.4}, calibration_error=0.02),
    # The training window has five weeks of partitions to compare with, not the eight that the monitor waits for by itself.
    drift=DriftPolicy(cooldown=days(6), min_reference=28),
)
