"""The list of runs: every filter, every order, and pages without a gap."""

import re
from datetime import UTC, datetime

import pytest

from store.models import Run
from store.queries import runs
from tests.web.conftest import PAGE


@pytest.fixture
def listed(client):
    """The ids of the runs that a query of the interface lists, all pages of it."""

    def listed(**query):
        found, address = [], client.get("/api/runs", query_string=query).request.full_path
        while address:
            page = client.get(address).json
            found += [run["run_id"] for run in page["runs"]]
            address = page["next"]
        return found

    return listed


def change(filled_database, run_id, **values):
    with filled_database.write() as session:
        for name, value in values.items():
            setattr(session.get(Run, run_id), name, value)


def test_each_filter_keeps_its_runs_and_no_other(listed, filled_database, client, submit, finished):
    google = submit(symbols=["GOOG"], start_date="2005-01-03")
    rsi = submit(rule_type="RSI", params={})
    done = finished(size=50)
    change(filled_database, google, created_at=datetime(2020, 5, 6, 23, 59, tzinfo=UTC))
    client.patch(f"/api/runs/{rsi}", json={"name": "Mean reversion", "tags": ["keeper"], "starred": True})

    assert listed(symbol="GOOG") == [google]
    assert listed(rule_type="RSI") == [rsi]
    assert listed(status="SUCCEEDED") == [done]
    assert listed(status=["PENDING", "SUCCEEDED"], starred="false") == [done, rsi, google]
    assert listed(tag="keeper") == listed(starred="true") == listed(q="reversion") == [rsi]
    assert (
        listed(created_to="2020-05-06")
        == listed(created_from="2020-05-06", created_to="2020-05-06")
        == [google]
    )
    assert listed(created_from="2020-05-07") == [done, rsi]
    assert listed(symbol="GOOG", rule_type="RSI") == []


def test_a_symbol_is_not_found_by_a_part_of_its_name(listed, submit):
    submit(symbols=["GOOG"], start_date="2005-01-03")

    assert listed(symbol="GOO") == []
    assert len(listed(q="GOO")) == 1


@pytest.mark.parametrize("sort", ["total_return", "sharpe_ratio", "max_drawdown", "num_trades"])
@pytest.mark.parametrize(("order", "values"), [("asc", [1, 1, 3, 5]), ("desc", [5, 3, 1, 1])])
def test_pages_of_two_show_every_run_that_has_the_figure_once_and_in_order(
    listed, filled_database, submit, sort, order, values
):
    values_by_run = {submit(size=place + 1): value for place, value in enumerate([3, 1, None, 1, 5])}
    for run_id, value in values_by_run.items():
        change(filled_database, run_id, **{sort: value})

    found = listed(sort=sort, order=order, limit=2)

    assert [values_by_run[run_id] for run_id in found] == values
    assert len(set(found)) == 4


def test_the_list_says_when_its_order_leaves_runs_out(client, submit):
    submit()

    assert (
        "Runs without this metric are not listed" in client.get("/runs?sort=total_return", headers=PAGE).text
    )
    assert "left out" not in client.get("/runs", headers=PAGE).text


def test_a_run_that_comes_in_between_two_pages_moves_nothing(client, submit):
    made = [submit(size=size) for size in (10, 20, 30)]
    first = client.get("/api/runs?limit=2").json

    submit(size=40)
    second = client.get(first["next"]).json

    assert [run["run_id"] for run in first["runs"] + second["runs"]] == made[::-1]


def test_the_page_leads_on_and_back_to_the_beginning_with_the_filter_kept(client, submit):
    for size in (10, 20, 30):
        submit(size=size)

    first = client.get("/runs?limit=2&symbol=SP500", headers=PAGE).text
    following = re.search(r'href="([^"]*after=[^"]*)">Next', first).group(1).replace("&amp;", "&")
    second = client.get(following, headers=PAGE).text

    assert "symbol=SP500" in following
    assert "First page" not in first
    assert '<a href="/runs?limit=2&amp;symbol=SP500">← First page</a>' in second
    assert (first.count('scope="row"'), second.count('scope="row"')) == (2, 1)


def test_the_page_keeps_what_was_chosen_in_its_filter(client, submit):
    submit()

    page = client.get(
        "/runs?q=cross&rule_type=RSI&status=FAILED&created_to=2024-01-31&starred=true", headers=PAGE
    ).text

    for kept in ('value="cross"', '<option value="RSI" selected>', '<option value="FAILED" selected>',
                 'name="created_to" value="2024-01-31"', 'name="starred" value="true" checked'):  # fmt: skip
        assert kept in page
    assert "No runs match." in page


def test_an_empty_record_invites_to_the_first_run(client):
    page = client.get("/runs", headers=PAGE).text

    assert "No runs yet." in page
    assert "Clear" not in page


def test_a_column_sorts_the_other_way_when_pressed_again(client, filled_database, submit):
    change(filled_database, submit(), total_return=0.5)

    down = client.get("/runs?sort=total_return", headers=PAGE).text
    up = client.get("/runs?sort=total_return&order=asc", headers=PAGE).text

    heads = [re.search(r'aria-sort="(\w+)"><a href="([^"]+)">Return<', page).groups() for page in (down, up)]
    assert [(state, "order=asc" in href) for state, href in heads] == [
        ("descending", True),
        ("ascending", False),
    ]


def test_a_failed_run_says_why_in_the_list(client, filled_database, submit):
    run_id = submit()
    with filled_database.write() as session:
        runs.fail(session, run_id, code="timeout", message="Stopped after 600 s.", now=datetime.now(UTC))

    assert "Stopped after 600 s." in client.get("/runs", headers=PAGE).text


def test_searching_keeps_the_order_and_the_columns_and_clearing_them_too(client, filled_database, submit):
    change(filled_database, submit(), total_return=0.5)

    page = client.get("/runs?q=cross&symbol=SP500&sort=total_return&order=asc&column=cagr", headers=PAGE).text

    finder = page[page.index('role="search"') : page.index('id="runs"')]
    for kept in ('name="sort" value="total_return"', 'name="order" value="asc"', 'value="cagr" checked'):
        assert kept in finder
    cleared = re.search(r'href="([^"]+)">Clear', finder).group(1).replace("&amp;", "&")
    assert cleared == "/runs?sort=total_return&order=asc&column=cagr"


def test_the_number_of_runs_in_all_pages_is_told(client, submit):
    for size in (10, 20, 30):
        submit(size=size)

    assert "3 runs</p>" in client.get("/runs?limit=2", headers=PAGE).text
    assert "3 runs match</p>" in client.get("/runs?q=cross", headers=PAGE).text


def test_the_columns_that_were_chosen_are_shown(client, finished):
    metrics = client.get(f"/api/runs/{finished()}").json["metrics"]

    page = client.get("/runs?column=win_rate&column=cagr", headers=PAGE).text

    cells = re.findall(r'<td class="num" data-label="([^"]+)">([^<]+)</td>', page)
    assert cells == [
        ("CAGR", f"{100 * metrics['cagr']:.2f}%"),
        ("Win rate", f"{100 * metrics['win_rate']:.2f}%"),
    ]


def test_a_column_that_is_not_offered_is_named(client):
    answer = client.get("/runs?column=magic")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "column")
