"""Rules that look ahead, each in another way that backtests of people do, and one that does not."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RULES: dict[str, "Peeking"] = {}


@dataclass(frozen=True)
class Peeking:
    """A rule by its function of opens and closes; `warmup` as a rule has it."""

    exposure: Callable
    warmup: int

    def target(self, bars):
        """The position wanted at each close."""
        return self.exposure(bars.open[:, 0], bars.close[:, 0]).astype(float).reshape(-1, 1)


def rule(warmup):
    """Register a function as a rule under its name."""

    def register(function):
        RULES[function.__name__] = Peeking(function, warmup)
        return function

    return register


def average(close, count):
    """The mean of the last `count` closes; unknown before there are so many."""
    means = np.full(len(close), np.nan)
    if len(close) >= count:
        means[count - 1 :] = np.convolve(close, np.full(count, 1 / count), "valid")
    return means


def tomorrow(close):
    """The return of the next close, 0 on the last bar."""
    returns = np.zeros(len(close))
    returns[:-1] = close[1:] / close[:-1] - 1
    return returns


def trend(close):
    """Long above the average of 50 closes."""
    return (close > average(close, 50)).astype(float)


@rule(1)
def opens_higher_tomorrow(opened, close):
    """Long where tomorrow opens above today's close."""
    target = np.zeros(len(close))
    target[:-1] = opened[1:] > close[:-1]
    return target


@rule(11)
def centred_average(_, close):
    """Long above an average of which half lies ahead."""
    if len(close) < 21:
        return np.zeros(len(close))
    means = np.full(len(close), np.nan)
    means[10:-10] = np.convolve(close, np.full(21, 1 / 21), "valid")
    means[-10:] = means[-11]
    return close > means


@rule(1)
def score_of_the_whole_sample(_, close):
    """Long half a deviation below the mean of all closes."""
    return (close - close.mean()) / (close.std() or 1) < -0.5


@rule(1)
def near_the_coming_low(_, close):
    """Long within one percent of the lowest of the next twenty closes."""
    ahead = np.lib.stride_tricks.sliding_window_view(np.pad(close, (0, 19), mode="edge"), 20)
    return close <= ahead.min(axis=1) * 1.01


@rule(50)
def out_before_falls_of_three_percent(_, close):
    """The trend, but out on the eve of a fall."""
    return np.where(tomorrow(close) < -0.03, 0.0, trend(close))


@rule(50)
def out_before_falls_of_five_percent(_, close):
    """The same for rarer falls."""
    return np.where(tomorrow(close) < -0.05, 0.0, trend(close))


@rule(50)
def out_before_the_ten_worst_days(_, close):
    """The trend without the ten worst days of the sample."""
    target = trend(close)
    target[np.argsort(tomorrow(close))[:10]] = 0.0
    return target


@rule(1)
def only_if_the_sample_ends_higher(_, close):
    """Bought and held where that pays."""
    return np.full(len(close), close[-1] > close[0])


@rule(60)
def scaled_by_the_whole_sample(_, close):
    """Long in the lowest fifth of all closes there will be."""
    logs = np.log(close)
    return (logs - logs.min()) / (np.ptp(logs) or 1) < 0.2


@rule(30)
def weeks_filled_backwards(_, close):
    """Monday knows Friday."""
    friday = np.minimum(np.arange(len(close)) // 5 * 5 + 4, len(close) - 1)
    return close[friday] > close


@rule(100)
def window_fitted_to_the_sample(_, close):
    """Long above the average whose window would have earned most."""
    targets = [(close > average(close, count)).astype(float) for count in (5, 10, 20, 50, 100)]
    return max(targets, key=lambda target: float((target[:-1] * np.diff(np.log(close))).sum()))


HONEST = Peeking(lambda _, close: trend(close), 50)
