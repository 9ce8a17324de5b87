"""What a week of hotel bookings must look like."""

import great_expectations.expectations as gxe

expectations = [
    gxe.ExpectTableRowCountToBeBetween(min_value=1),
    gxe.ExpectColumnValuesToBeUnique(column="booking_id"),
    gxe.ExpectColumnValuesToBeBetween(column="lead_time", min_value=0, max_value=800),
    gxe.ExpectColumnValuesToBeBetween(column="adr", min_value=0, max_value=1000),
    gxe.ExpectColumnValuesToBeInSet(column="hotel", value_set=["City Hotel", "Resort Hotel"]),
    gxe.ExpectColumnValuesToNotBeNull(column="market_segment"),
]
