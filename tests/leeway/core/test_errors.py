import pickle

from leeway.core.errors import NotFound, StoreError


def test_an_error_is_one_line_of_what_was_done_the_rule_the_value_and_the_way_out():
    error = StoreError("writing\nit", problem="must fit", found="a\n  b", hint="make room")
    assert str(error) == "writing it: must fit (found: a b); make room"
    assert str(StoreError("x", problem="y", hint="z")) == "x: y; z"


def test_an_error_crosses_processes_whole():
    error = pickle.loads(pickle.dumps(NotFound("finding", problem="r", found=3, hint="w")))
    assert type(error) is NotFound
    assert (error.action, error.problem, error.found, error.hint) == ("finding", "r", 3, "w")
