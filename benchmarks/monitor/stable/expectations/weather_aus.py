"""What a week of weather must look like."""

import great_expectations.expectations as gxe

expectations = [
    gxe.ExpectTableRowCountToBeBetween(min_value=1),
    gxe.ExpectColumnValuesToNotBeNull(column="Location"),
    gxe.ExpectColumnValuesToBeBetween(column="Humidity3pm", min_value=0, max_value=100),
    gxe.ExpectColumnValuesToBeBetween(column="Pressure3pm", min_value=900, max_value=1100),
    gxe.ExpectColumnValuesToBeBetween(column="Rainfall", min_value=0, max_value=1000),
]
