"""What a day of beans must look like."""

import great_expectations.expectations as gxe

expectations = [
    gxe.ExpectColumnValuesToBeUnique(column="bean"),
    gxe.ExpectColumnValuesToBeBetween(column="Area", min_value=1),
    gxe.ExpectTableRowCountToBeBetween(min_value=50, max_value=500),
]
