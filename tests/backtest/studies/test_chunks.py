"""Chunks: a trial is the ordinary run, and the split of a study does not show in its result."""

import json

import numpy as np
import pytest

from backtest.run.outcome import run
from backtest.studies.chunk import MAXIMA, Chunk, InvalidChunk, join
from backtest.studies.compute import compute_chunk
from backtest.studies.execution import estimate as estimating
from backtest.studies.execution.estimate import estimate
from backtest.studies.execution.trials import Trials
from backtest.studies.objective import FIGURES
from backtest.studies.plan import plan
from backtest.studies.request import StudyRequest
from backtest.studies.result import finish
from tests.backtest.studies.study_requests import raw_study, study, walks


def bits(value):
    return float("nan").hex() if value is None else float(value).hex()


def test_the_figures_of_a_trial_are_the_metrics_of_its_run_to_the_last_bit():
    request, prices = study(symbols=["AAA", "BBB"], risk_free_rate=0.02), walks("AAA", "BBB")
    planned = plan(request)

    chunk = compute_chunk(request, prices, 0, 1)

    for trial in range(planned.trials):
        metrics = run(request.run_with(planned.values(trial)), prices).summary["metrics"]
        figures = {name: chunk.columns[name][trial, 0] for name in FIGURES}
        assert {name: bits(value) for name, value in figures.items()} == {
            name: bits(metrics[name]) for name in FIGURES
        }


def test_every_symbol_has_an_account_of_its_own_in_mode_each():
    request, prices = study(symbols=["AAA", "BBB"], symbols_mode="each"), walks("AAA", "BBB")

    result = finish(request, prices, [compute_chunk(request, prices, 0, 1)])

    for symbol, table in zip(("AAA", "BBB"), result.tables, strict=True):
        alone = raw_study(symbols=[symbol])
        expected = compute_chunk(StudyRequest.parse(alone), prices, 0, 1)
        assert table.symbols == (symbol,)
        np.testing.assert_array_equal(table.figures["final_equity"], expected.columns["final_equity"][:, 0])


@pytest.mark.parametrize("chunks", [2, 5, 18])
def test_a_study_in_chunks_has_the_bytes_of_a_study_in_one(chunks):
    request = study(
        symbols=["AAA", "BBB"], symbols_mode="each", walk_forward={"train_bars": 200, "test_bars": 90}
    )
    prices = walks("AAA", "BBB")

    whole = compute_chunk(request, prices, 0, 1)
    parts = [compute_chunk(request, prices, number, chunks) for number in reversed(range(chunks))]

    found = join(iter(parts), 18, 9)
    assert found.known.all()
    columns = found.columns | {MAXIMA: np.array([own.reshape(-1) for own in found.maxima])}
    assert Chunk(0, 1, 0, columns).encode() == whole.encode()
    assert found.digest == join([whole], 18, 9).digest
    results = [json.dumps(finish(request, prices, given).summary) for given in ([whole], parts)]
    assert results[0] == results[1]


def test_a_chunk_read_from_its_bytes_is_the_same_chunk():
    request, prices = study(), walks()
    chunk = compute_chunk(request, prices, 1, 2)

    again = Chunk.decode(chunk.encode())

    assert again.encode() == chunk.encode()
    assert (again.number, again.chunks, again.first, len(again)) == (1, 2, 4, 5)


def test_altered_bytes_are_no_chunk():
    request, prices = study(), walks()
    payload = compute_chunk(request, prices, 0, 1).encode()

    for wrong in (b"", payload[:-1], payload[:200] + b"x" + payload[201:], b"XXXX" + payload[4:]):
        with pytest.raises(InvalidChunk):
            Chunk.decode(wrong)


def test_a_study_with_missing_chunks_says_so_and_chooses_among_the_rest():
    request, prices = study(), walks()
    chunks = [compute_chunk(request, prices, number, 3) for number in range(3)]

    result = finish(request, prices, [chunks[0], chunks[2]])

    assert result.summary["rows"] == {"all": 9, "missing": 3}
    assert result.tables[0].known.tolist() == [True] * 3 + [False] * 3 + [True] * 3
    assert result.summary["accounts"][0]["best"]["trial"] not in (3, 4, 5)


def test_trials_with_too_few_trades_are_shown_and_not_chosen():
    request, prices = study(minimum_trades=1_000), walks()

    result = finish(request, prices, [compute_chunk(request, prices, 0, 1)])

    assert result.summary["accounts"][0]["best"] is None
    assert np.isfinite(result.tables[0].figures["total_return"]).all()


def test_no_trial_sees_the_hold_out():
    prices = walks(bars=400)
    request = study(holdout_pct=25)
    planned = plan(request)

    chunk = compute_chunk(request, prices, 0, 1)

    last = str(prices["AAA"].bars.times[299])[:10]  # 300 of 400 bars remain
    alone = run(study(end_date=last).run_with(planned.values(0)), prices)
    assert alone.summary["bars"] == 300
    assert chunk.columns["final_equity"][0, 0] == alone.summary["metrics"]["final_equity"]


def test_an_estimate_counts_trials_and_simulations_and_times_some():
    request, prices = study(walk_forward={"train_bars": 100, "test_bars": 100}), walks()

    found = estimate(plan(request), prices)

    assert (found.trials, found.refused, found.simulations) == (9, 3, 36)
    assert found.seconds > 0


def test_an_estimate_of_long_trials_times_no_more_than_it_must(monkeypatch):
    request, prices = study(), walks()
    executed, execute = [], Trials.execute

    def counted(self, trials):
        executed.append(len(trials))
        return execute(self, trials)

    monkeypatch.setattr(Trials, "execute", counted)
    monkeypatch.setattr(estimating, "LONGEST", 0.0)
    estimate(plan(request), prices)
    assert executed == [1, 1]

    executed.clear()
    monkeypatch.setattr(estimating, "LONGEST", 60.0)
    estimate(plan(request), prices)
    assert sum(executed) == 1 + plan(request).trials


def test_progress_counts_the_rows_of_the_chunk():
    request, prices, seen = study(symbols=["AAA", "BBB"], symbols_mode="each"), walks("AAA", "BBB"), []

    compute_chunk(request, prices, 0, 1, on_progress=seen.append)

    assert seen == [9, 18]
