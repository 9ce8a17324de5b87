import pickle

from leeway.core.errors import NotFound, StoreError


def test_an_error_is_one_line_of_what_was_done_the_rule_the_value_and_the_way_out():
    error = StoreError("writing\nit", rule="must fit", found="a\n  b", way_out="make room")
    assert str(error) == "writing it: must fit (found: a b); make room"
    assert str(StoreError("x", rule="y", way_out="z")) == "x: y; z"


def test_an_error_crosses_processes_whole():
    error = pickle.loads(pickle.dumps(NotFound("finding", rule="r", found=3, way_out="w")))
    assert type(error) is NotFound
    assert (error.doing, error.rule, error.found, error.way_out) == ("finding", "r", 3, "w")
