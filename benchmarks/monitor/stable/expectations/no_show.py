"""What a day of appointments must look like."""

import great_expectations.expectations as gxe

expectations = [
    gxe.ExpectColumnValuesToBeUnique(column="AppointmentID"),
    gxe.ExpectColumnValuesToBeBetween(column="Age", min_value=0, max_value=120),
    gxe.ExpectColumnValuesToBeBetween(column="waiting", min_value=0, max_value=400),
    gxe.ExpectColumnValuesToBeInSet(column="Gender", value_set=["F", "M"]),
]
