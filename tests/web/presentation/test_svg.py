"""Shapes of the pages that need no script."""

import numpy as np

from web.presentation import svg


def test_a_heatmap_has_a_row_a_year_and_shades_by_two_percent_a_step():
    monthly = [{"year": 2024, "month": month, "return": value} for month, value in
               ((1, 0.0), (2, 0.019), (3, 0.02), (4, -0.05), (5, 0.5))]  # fmt: skip

    rows = svg.heatmap(monthly, [{"year": 2024, "return": 0.3}])

    assert [row["year"] for row in rows] == [2024]
    assert [cell["shade"] for cell in rows[0]["months"]] == [
        "zero",
        "gain-1",
        "gain-2",
        "loss-3",
        "gain-4",
    ] + ["none"] * 7
    assert rows[0]["total"] == 0.3


def test_bars_of_years_are_shares_of_the_largest_move_of_either():
    drawn = svg.yearly([
        {"year": 2023, "return": 0.1, "benchmark_return": 0.4},
        {"year": 2024, "return": -0.2, "benchmark_return": None},
    ])  # fmt: skip

    assert [(bar["own_share"], bar["benchmark_share"]) for bar in drawn["bars"]] == [
        (25.0, 100.0),
        (-50.0, 0.0),
    ]
    assert drawn["negative"]


def test_years_without_a_loss_need_no_room_on_the_left():
    assert not svg.yearly([{"year": 2024, "return": 0.1, "benchmark_return": 0.0}])["negative"]


def test_the_highest_bar_of_a_histogram_fills_it():
    bars = svg.distribution({"counts": [1, 4, 2], "edges": [-0.02, -0.01, 0.0, 0.01]})

    assert [(bar["low"], bar["count"], bar["height"]) for bar in bars] == [
        (-0.02, 1, 25),
        (-0.01, 4, 100),
        (0.0, 2, 50),
    ]


def test_an_empty_histogram_has_no_bars_and_fails_nothing():
    assert svg.distribution({"counts": [], "edges": [0.0]}) == []


def test_lines_share_one_axis_of_time_and_one_of_value():
    early = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "datetime64[s]")
    late = np.array(["2024-01-03", "2024-01-05"], "datetime64[s]")

    drawn = svg.overlay([(early, np.array([100.0, 150.0, 200.0])), (late, np.array([100.0, 50.0]))])

    assert drawn["paths"] == ["M0.0,666.7L250.0,333.3L500.0,0.0", "M500.0,666.7L1000.0,1000.0"]
    assert (drawn["first"], drawn["last"]) == ("2024-01-01", "2024-01-05")
    assert [(tick["label"], tick["y"]) for tick in drawn["ticks"]] == [
        ("50", 90.0),
        ("100", 60.0),
        ("150", 30.0),
    ]


def test_a_flat_line_of_one_bar_is_drawn():
    drawn = svg.overlay([(np.array(["2024-01-01"], "datetime64[s]"), np.array([7.0]))])

    assert drawn["paths"] == ["M0.0,0.0"]


DAYS = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[s]")


def test_on_a_logarithmic_scale_equal_growth_is_equally_high():
    drawn = svg.overlay([(DAYS, np.array([100.0, 1_000.0, 10_000.0]))], log=True)

    assert drawn["paths"] == ["M0.0,1000.0L500.0,500.0L1000.0,0.0"]
    assert [tick["label"] for tick in drawn["ticks"]] == [
        "100",
        "200",
        "500",
        "1,000",
        "2,000",
        "5,000",
        "10,000",
    ]
    assert (drawn["low"], drawn["high"]) == (100.0, 10_000.0)


def test_on_a_logarithmic_scale_a_ruined_account_ends_before_zero():
    drawn = svg.overlay(
        [(DAYS, np.array([100.0, 50.0, 0.0])), (DAYS, np.array([100.0, 100.0, 200.0]))], log=True
    )

    assert drawn["paths"] == ["M0.0,500.0L500.0,1000.0", "M0.0,500.0L500.0,500.0L1000.0,0.0"]


def test_growth_beyond_all_powers_has_few_marks():
    drawn = svg.overlay([(DAYS, np.array([100.0, 1e12, 1e24]))], log=True)

    assert [tick["label"] for tick in drawn["ticks"]] == ["100", "1e6", "1e10", "1e14", "1e18", "1e22"]
