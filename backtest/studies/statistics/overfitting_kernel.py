"""Combinatorially symmetric cross-validation from block sums; compiled by `backtest.studies.statistics.overfitting`."""

from __future__ import annotations

import math

from backtest.arrays import Floats, Ints

TOO_STEADY = 1e-14
"""Variance in units of the mean square below which returns do not vary: rounding must not make a ratio."""
SAME_RATIO = 1e-9
"""Sharpe ratios a period closer than this are a tie, as in `backtest.metrics.probability`."""

(INSIDE, OUTSIDE, RANK) = range(3)


def validate(
    sums: Floats, squares: Floats, halves: Ints, count: float, first: Floats, second: Floats, found: Floats
) -> None:
    """Write of each split, twice, how the best in one half does in the other.

    Parameters
    ----------
    sums, squares : (blocks, N) of returns and squared returns
    halves : (S, blocks) the blocks of one half, then those of the other
    count : returns in a half
    first, second : (N,) room for the ratios of the halves
    found : (2 * S, 3) the winner's ratio in sample and out of sample, and its rank out of sample, 1 … N
    """
    half = halves.shape[1] // 2
    for split in range(len(halves)):
        ratios(sums, squares, halves[split, :half], count, first)
        ratios(sums, squares, halves[split, half:], count, second)
        rank(first, second, found[2 * split])
        rank(second, first, found[2 * split + 1])


def ratios(sums: Floats, squares: Floats, blocks: Ints, count: float, ratio: Floats) -> None:
    """Write the Sharpe ratio a period over some blocks; 0 where returns do not vary."""
    a, b, c, d, e, f, g, h = (
        blocks[0],
        blocks[1],
        blocks[2],
        blocks[3],
        blocks[4],
        blocks[5],
        blocks[6],
        blocks[7],
    )
    for trial in range(len(ratio)):
        total = (
            ((sums[a, trial] + sums[b, trial]) + (sums[c, trial] + sums[d, trial]))
            + ((sums[e, trial] + sums[f, trial]) + (sums[g, trial] + sums[h, trial]))
        )  # fmt: skip
        square = (
            ((squares[a, trial] + squares[b, trial]) + (squares[c, trial] + squares[d, trial]))
            + ((squares[e, trial] + squares[f, trial]) + (squares[g, trial] + squares[h, trial]))
        )  # fmt: skip
        mean = total / count
        variance = (square - count * mean * mean) / (count - 1.0)
        varies = variance > TOO_STEADY * square / count
        ratio[trial] = mean / math.sqrt(variance if varies else 1.0) if varies else 0.0


def rank(inside: Floats, outside: Floats, found: Floats) -> None:
    """Write what becomes of the first best of `inside` among `outside`; ties share their mean rank."""
    winner = 0
    for trial in range(1, len(inside)):
        if inside[trial] > inside[winner]:
            winner = trial
    score = outside[winner]
    below = level = 0
    for trial in range(len(outside)):
        below += 1 if outside[trial] < score - SAME_RATIO else 0
        level += 1 if abs(outside[trial] - score) <= SAME_RATIO else 0
    found[INSIDE] = inside[winner]
    found[OUTSIDE] = score
    found[RANK] = below + (level + 1) / 2.0
