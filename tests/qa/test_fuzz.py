"""Bad input in small numbers; `make bad-input` sends a hundred thousand."""

from qa.fuzz import suite


def test_bad_input_of_every_kind_is_refused_by_name_and_leaves_no_trace():
    outcome = suite.run(inputs=1_000, number=7, progress=lambda text: None)

    assert outcome.violations == []
    assert outcome.refused.total() > 1_000
    kinds = ("field of the request", "parameter of a workflow", "field of a study", "formula", "broken price file",
             "randomly damaged price file", "request against the OpenAPI")  # fmt: skip
    assert all(outcome.tried[kind] for kind in kinds)
