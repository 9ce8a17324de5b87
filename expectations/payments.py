"""What a delivery of card payments must look like.

A row that breaks a row-level expectation is quarantined. A delivery of which fewer rows hold than `mostly`, or that breaks an
expectation about the table, is rejected whole.
"""

import great_expectations.expectations as gxe

CATEGORIES = [
    "groceries",
    "restaurants",
    "fuel",
    "clothing",
    "pharmacy",
    "entertainment",
    "electronics",
    "jewellery",
    "travel",
    "digital_goods",
    "gift_cards",
]
CHANNELS = ["chip", "contactless", "online", "wallet"]

expectations = [
    gxe.ExpectTableRowCountToBeBetween(min_value=900, max_value=3_000),
    gxe.ExpectColumnValuesToBeUnique(column="payment_id"),
    gxe.ExpectColumnValuesToNotBeNull(column="card_id"),
    gxe.ExpectColumnValuesToNotBeNull(column="merchant_id"),
    gxe.ExpectColumnValuesToNotBeNull(column="merchant_category", mostly=0.98),
    gxe.ExpectColumnValuesToBeInSet(column="merchant_category", value_set=CATEGORIES),
    gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=0.01, max_value=50_000, mostly=0.95),
    gxe.ExpectColumnMedianToBeBetween(column="amount", min_value=5, max_value=200),
    gxe.ExpectColumnValuesToBeInSet(column="channel", value_set=CHANNELS),
    gxe.ExpectColumnValuesToMatchRegex(column="card_country", regex=r"^[A-Z]{2}$"),
    gxe.ExpectColumnValuesToMatchRegex(column="merchant_country", regex=r"^[A-Z]{2}$"),
    gxe.ExpectColumnValuesToBeBetween(column="card_age_days", min_value=0),
]
