"""What the verdict says of worked-out cases, and what it does not say."""

from dataclasses import replace

import pytest

from web.presentation.verdict import Facts, verdict_of

OWN = {
    "total_return": 0.025, "sharpe_ratio": 0.09, "max_drawdown": -0.137, "num_trades": 79, "psr": 0.59,
    "final_equity": 102_500.0, "total_fees": 30_000.0, "total_slippage": 11_000.0, "total_borrow": 382.0,
    "information_ratio": -0.4,
}  # fmt: skip
HELD = {"total_return": 1.041, "sharpe_ratio": 0.63, "max_drawdown": -0.276}
FACTS = Facts(
    own=OWN,
    held=HELD,
    benchmark="SP500",
    is_own_symbols=True,
    alternatives={"without_costs": {"total_return": 0.439}, "double_costs": {"total_return": -0.269}},
    flags={},
    stops={},
    initial_capital=100_000.0,
    periods=2_520,
    periods_per_year=252,
)


def verdict(*, held=None, **changes):
    """The verdict on the example with other figures, or other facts."""
    facts = {name: changes.pop(name) for name in list(changes) if name in Facts.__slots__}
    return verdict_of(replace(FACTS, own=OWN | changes, held=HELD | (held or {}), **facts))


def said(**changes):
    """All of it as one text, with plain minus signs."""
    found = verdict(**changes)
    return " ".join([found.headline, *found.sentences]).replace("\u2212", "-")


@pytest.mark.parametrize(
    ("total_return", "sharpe", "tone", "sentence"),
    [
        (0.025, 0.09, "worse", "Lost to {}: +2.5%{}, and with less return for the risk (Sharpe 0.09 against 0.63)."),
        (0.8, 0.9, "mixed", "Earned less than {}: +80.0%{}, but with more return for the risk (Sharpe 0.90 against 0.63)."),
        (1.5, 0.5, "mixed", "Earned more than {}: +150.0%{}, but with less return for the risk (Sharpe 0.50 against 0.63)."),
        (2.1, 0.91, "better", "Beat {}: +210.0%{}, and with more return for the risk (Sharpe 0.91 against 0.63)."),
        (2.1, None, "better", "Beat {}: +210.0%{}."),
        (-0.2, None, "worse", "Lost to {}: -20.0%{}."),
    ],
)  # fmt: skip
def test_the_first_sentence_answers_whether_it_beat_holding(total_return, sharpe, tone, sentence):
    found = verdict(total_return=total_return, sharpe_ratio=sharpe)

    assert found.tone == tone
    assert found.headline.replace("\u2212", "-") == sentence.format("holding SP500", " against +104.1%")


def test_a_loss_that_is_smaller_than_that_of_holding_beats_it():
    found = verdict(total_return=-0.1, sharpe_ratio=-0.2, held={"total_return": -0.5, "sharpe_ratio": -0.6})

    assert found.tone == "better"
    assert "\u221210.0% against \u221250.0%" in found.headline


def test_holding_itself_is_neither_better_nor_worse():
    found = verdict(total_return=1.04104)

    assert (found.tone, found.headline) == ("mixed", "Did as well as holding SP500: +104.1% against +104.1%.")


def test_another_benchmark_is_not_called_holding():
    assert verdict(benchmark="NASDAQ", is_own_symbols=False).headline.startswith("Lost to NASDAQ: ")


def test_a_ratio_that_reads_the_same_is_called_the_same():
    text = said(total_return=1.03, sharpe_ratio=0.6304)

    assert text.startswith(
        "Lost to holding SP500: +103.0% against +104.1%, at the same return for the risk (Sharpe 0.63)."
    )


def test_an_account_that_lost_nearly_all_is_called_wiped_out():
    found = verdict(total_return=-0.9894)

    assert found.headline == "Wiped out: 98.9% of the account was lost, while holding SP500 returned +104.1%."


def test_a_probability_below_one_half_points_to_no_edge():
    assert "Nothing points to an edge: the probability of a true Sharpe ratio above zero is 10%." in said(
        psr=0.1
    )


def test_a_ruined_account_is_said_first():
    found = verdict(total_return=-1.2, flags={"ruined": True})

    assert found.headline == "Ruined: the account lost all it had, while holding SP500 returned +104.1%."


def test_without_trades_nothing_is_said_but_that():
    found = verdict(total_return=0.0, sharpe_ratio=None, num_trades=0)

    assert found.headline == "No trades: the account stayed in cash, while holding SP500 returned +104.1%."
    assert (found.tone, found.sentences) == ("void", ())


@pytest.mark.parametrize(
    ("flag", "words"),
    [("same_bar_fill", "on fills that cannot be traded"), ("lookahead", "by looking ahead")],
)
def test_what_could_not_be_traded_is_said_in_the_same_breath(flag, words):
    assert f"Beat holding SP500 {words}:" in said(total_return=3.0, sharpe_ratio=2.0, flags={flag: True})


def test_costs_are_said_before_after_and_twice():
    assert "Before costs +43.9%, after costs +2.5%, at twice the costs -26.9%." in said()


def test_costs_that_turn_a_win_into_a_loss_are_said_to():
    dear = {"without_costs": {"total_return": 1.2}}

    assert "Costs turn a win over holding SP500 into a loss." in said(alternatives=dear)
    assert "Costs turn a profit into a loss." in said(total_return=-0.1)


def test_without_stored_alternatives_the_booked_costs_are_said_as_the_approximation_that_they_are():
    """Gross 2,500 + 41,382 = 43,882; 41,382 / 43,882 = 94 %."""
    text = said(alternatives={})

    assert (
        "Costs were 41,382.00, 94% of the gross profit; before costs about +43.9%, re-investment left out."
        in text
    )


def test_a_run_without_costs_says_that_there_are_none():
    text = said(total_fees=0.0, total_slippage=0.0, total_borrow=0.0, alternatives={})

    assert "No costs are charged" in text


@pytest.mark.parametrize(
    ("stops", "other", "words"),
    [
        ({"stop_loss_pct": 5.0}, 0.099, "The 5% stop-loss cost 7.40 pp: without, +9.9%"),
        ({"stop_loss_pct": 5.0, "take_profit_pct": 10.0}, -0.2,
         "The 5% stop-loss and 10% take-profit added 22.5 pp: without, -20.0%"),
        ({"trailing_stop_pct": 2.5}, 0.025, "The 2.5% trailing stop changed the return by nothing."),
    ],
)  # fmt: skip
def test_what_the_stops_did_is_the_difference_to_the_same_run_without_them(stops, other, words):
    without = {"without_stops": {"total_return": other, "max_drawdown": -0.183}}

    assert words in said(stops=stops, alternatives=without)


def test_the_worst_drawdown_without_the_stop_is_said_with_its_effect():
    without = {"without_stops": {"total_return": 0.099, "max_drawdown": -0.183}}

    text = said(stops={"stop_loss_pct": 5.0}, alternatives=without)

    assert "and a worst drawdown of -18.3% instead of -13.7%." in text


def test_few_trades_leave_skill_and_luck_untold_however_sure_the_ratio_looks():
    text = said(num_trades=15, psr=0.9999)

    assert "15 trades are too few to tell skill from luck (PSR > 99%)." in text
    assert "unlikely" not in text


def test_a_probability_short_of_95_percent_may_be_luck():
    assert "Luck may explain the return: the probability of a true Sharpe ratio above zero is 59%." in said()


def test_a_high_probability_is_bound_to_this_being_the_only_trial():
    assert "unlikely cause of the return (PSR > 99%) if no other rule was tried before." in said(psr=0.9999)


@pytest.mark.parametrize(("ratio", "within"), [(0.3, True), (0.7, False)])
def test_a_lead_over_holding_is_held_against_chance(ratio, within):
    """Ten years: t = 0.3 · √10 = 0.95, 0.7 · √10 = 2.2."""
    text = said(total_return=2.0, sharpe_ratio=0.9, psr=0.99, information_ratio=ratio)

    assert ("The lead over holding SP500 is within chance (t = 0.9)." in text) is within


def test_no_verdict_is_given_without_a_benchmark():
    assert verdict(held={"total_return": None}).tone == "void"
