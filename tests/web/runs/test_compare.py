"""Runs side by side: what differs, by how much, and which is best."""

import re

import pytest

from tests.web.conftest import PAGE


@pytest.fixture
def compared(client):
    """The comparison of some runs, as a person gets it."""

    def compared(*run_ids, **query):
        answer = client.get("/compare", query_string={"run": run_ids} | query, headers=PAGE)
        assert answer.status_code == 200
        return answer.text

    return compared


def cells(page, label):
    """The text of each cell in the line of that label."""
    line = re.search(rf'<th scope="row">(?:<a [^>]*>)?{label}(?:</a>)?</th>(.*?)</tr>', page).group(1)
    return [re.sub(r"<[^>]+>", "", cell).split() for cell in re.findall(r"<td[^>]*>(.*?)</td>", line)]


def test_each_figure_shows_its_difference_to_the_first_run(compared, client, finished):
    one, other = finished(), finished(params={"fast": 20, "slow": 60})

    page = compared(one, other)

    first, second = (client.get(f"/api/runs/{run}").json["metrics"]["num_trades"] for run in (one, other))
    assert cells(page, "Trades") == [
        [str(first)],
        [str(second)],
        [f"{second - first:+d}".replace("-", "\u2212")],
    ]


@pytest.mark.parametrize(("label", "metric", "best"), [("Fees", "total_fees", min), ("CAGR", "cagr", max)])
def test_the_best_of_each_line_is_marked_the_lowest_where_less_is_better(
    compared, client, finished, label, metric, best
):
    made = [finished(params={"fast": fast, "slow": 30}) for fast in (5, 10, 20)]
    metrics = [client.get(f"/api/runs/{run}").json["metrics"] for run in made]

    line = re.search(
        rf'<th scope="row">(?:<a [^>]*>)?{label}(?:</a>)?</th>(.*?)</tr>', compared(*made)
    ).group(1)

    values = [found[metric] for found in metrics]
    marked = ['class="best"' in cell for cell in line.split("</td>")[:-1] if "delta" not in cell]
    assert marked == [value == best(values) for value in values]


def test_differences_only_leaves_out_what_is_the_same_everywhere(compared, finished):
    one, other = finished(slippage_bps=0), finished(slippage_bps=10)

    page = compared(one, other, differences="true")

    asked = page[page.index(">Settings<") :]
    assert cells(asked, "Slippage") == [["0", "bps"], ["10", "bps"]]
    assert 'scope="row">Symbols' not in page
    assert 'scope="row">Initial capital' not in page
    assert 'scope="row">Benchmark return' not in page


def test_a_default_that_was_written_out_is_no_difference(compared, finished):
    one, other = (
        finished(params={"fast": 10, "slow": 30}),
        finished(params={"fast": 10, "slow": 30, "kind": "sma"}),
    )

    page = compared(one, other, differences="true")

    assert page.count("No differences.") == 2


def test_settings_are_named_as_the_form_names_them_and_have_their_units(compared, finished):
    page = compared(finished(direction="long_short", fractional=True, stop_loss_pct=7.5, borrow_rate=0.03))

    assert cells(page, "Direction") == [["Long", "and", "short"]]
    assert cells(page, "Fractional shares") == [["Yes"]]
    assert cells(page, "Stop-loss") == [["7.5%"]]
    assert cells(page, "Take-profit") == [["Off"]]
    assert cells(page, "Fee") == [["0.1%"]]
    assert cells(page, "Borrow rate") == [["3%", "per", "year"]]
    assert cells(page, "Fast average") == [["10", "bars"]]
    assert cells(page, "MA type") == [["Simple", "(SMA)"]]
    assert cells(page, "Rule") == [["Moving", "average", "cross"]]


def test_the_lines_begin_at_100_and_end_at_the_growth_of_each_run(compared, client, finished):
    one, other = finished(), finished(initial_capital=5000, params={"fast": 20, "slow": 60})

    page = compared(one, other)

    growth = [1 + client.get(f"/api/runs/{run}").json["metrics"]["total_return"] for run in (one, other)]
    held = 1 + client.get(f"/api/runs/{one}").json["metrics"]["benchmark_return"]
    expected = [f"{100 * share:.1f}" for share in (*growth, held)]
    assert re.findall(r'<b class="value">([\d.]+)</b>', page) == expected
    assert re.findall(r'<path class="(line-\w+)"', page) == ["line-0", "line-1", "line-hold"]
    assert "Hold SP500" in page


def test_the_scale_is_linear_or_logarithmic_and_stays_with_what_else_was_chosen(compared, finished):
    one, other = finished(), finished(params={"fast": 20, "slow": 60})

    page = compared(one, other, scale="log", differences="true")

    assert 'data-log="true"' in page
    assert f'href="/compare?run={one}&amp;run={other}&amp;differences=true">Linear</a>' in page
    make = f'href="/compare?run={other}&amp;run={one}&amp;differences=true&amp;scale=log" aria-label="Make'
    assert make in page


def test_the_label_of_a_run_is_what_differs(compared, finished):
    one = finished(fee_rate=0.002, stop_loss_pct=5)
    other = finished(fee_rate=0.002, stop_loss_pct=10, direction="long_short")
    neither = finished(fee_rate=0.002, params={"fast": 20, "slow": 30})

    legend = re.findall(
        r'<span class="name">[^<]*</span> <span class="muted">([^<]*)', compared(one, other, neither)
    )

    assert legend == [
        "fast 10, long only, stop-loss 5%",
        "fast 10, long and short, stop-loss 10%",
        "fast 20, long only, no stop-loss",
    ]


def test_a_run_without_a_result_is_compared_by_what_was_asked_for_and_keeps_its_colour(
    compared, finished, submit
):
    waiting, done = submit(size=50), finished()

    page = compared(waiting, done)

    assert cells(page, "Size") == [["50%", "of", "equity"], ["100%", "of", "equity"]]
    assert re.findall(r'<path class="(line-\d)"', page) == ["line-1"]


def test_more_than_ten_runs_are_cut_and_the_page_says_so(compared, submit):
    made = [submit(size=size) for size in range(1, 13)]

    page = compared(*made)

    assert "Compare 10 runs" in page
    assert "2 runs were left out" in page


def test_each_run_can_be_taken_out_of_the_comparison(compared, finished):
    one, other = finished(), finished(params={"fast": 20, "slow": 60})

    page = compared(one, other, differences="true")

    assert f'href="/compare?run={other}&amp;differences=true" aria-label="Remove' in page
    assert f'href="/compare?run={one}&amp;differences=true" aria-label="Remove' in page


def test_the_same_run_twice_is_compared_once(compared, finished):
    run = finished()

    assert "Compare 1 run<" in compared(run, run)


def test_nothing_chosen_leads_to_the_list_and_a_run_that_is_not_there_is_404(client):
    nothing = client.get("/compare", headers=PAGE)
    unknown = client.get("/compare?run=nothing", headers=PAGE)

    assert (nothing.status_code, nothing.location) == (302, "/runs?status=SUCCEEDED")
    assert unknown.status_code == 404


def test_what_differs_comes_first_and_settings_come_before_metrics(compared, finished):
    page = compared(finished(slippage_bps=0), finished(slippage_bps=10))

    settings, metrics = page.index(">Settings<"), page.index(">Metrics<")
    assert settings < page.index('scope="row">Slippage<') < page.index('scope="row">Symbols<') < metrics


def test_another_run_becomes_the_baseline(compared, finished):
    one, other = finished(), finished(params={"fast": 20, "slow": 60})

    page = compared(one, other)

    assert f'href="/compare?run={other}&amp;run={one}" aria-label="Make' in page
    assert page.count('<span class="tag">Baseline</span>') == 2
