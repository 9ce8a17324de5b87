from types import SimpleNamespace

import numpy as np
import pandas as pd

from leeway.monitoring import report

HOSTILE = "</script><img src=x onerror=alert(1)>"


def test_no_value_and_no_name_of_a_column_leaves_the_data_of_a_report():
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"kind": random.choice(["a", "b", HOSTILE, "<!--"], 400), HOSTILE: random.random(400)})
    card = SimpleNamespace(features={"kind": "categorical", HOSTILE: "numeric"}, seed=0)
    page = report._evidently(SimpleNamespace(sample=rows, card=card), rows, list(rows))
    assert "</script><img" not in page
    assert "<!--" not in page.partition("<body>")[2]
    assert "img src=x" in page  # it is shown, as text
