"""What costs did to a result, in words: gross, costs, net, other costs, and where nothing is left."""

from datetime import UTC, datetime

import pytest

from store.queries.studies import robustness
from tests.web.conftest import PAGE

NOT_REACHED = {"bps": None, "reason": "undefined: nothing is left even without costs"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            {"return": {"bps": 41.26, "reason": ""}, "benchmark": {"bps": 3.04, "reason": ""}},
            "Break-even: costs of 41.3 bps a side in place of these leave nothing; "
            "the lead over holding SP500 ends at 3.0 bps a side.",
        ),
        (
            {"return": NOT_REACHED, "benchmark": NOT_REACHED},
            "Break-even: nothing is left even without costs; "
            "against holding SP500 it does not lead even without costs.",
        ),
    ],
)
def test_the_ladder_of_costs_ends_with_the_cost_a_side_at_which_nothing_is_left(
    client, filled_database, finished, found, said
):
    run_id = finished()
    with filled_database.write() as session:
        robustness.ask(session, run_id, now=datetime.now(UTC))
        robustness.start(session, run_id)
        assert robustness.succeed(session, run_id, answer={"break_even": found}, now=datetime.now(UTC))

    page = client.get(f"/runs/{run_id}", headers=PAGE).text

    assert said in page.replace("<b>", "").replace("</b>", "")
    assert [f"{times}×" in page for times in (0, 1, 2)] == [True] * 3


def test_until_it_is_computed_nothing_is_said_of_the_break_even(client, finished):
    page = client.get(f"/runs/{finished()}", headers=PAGE).text

    assert "Gross profit" in page
    assert "Break-even:" not in page
