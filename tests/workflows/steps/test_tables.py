"""Trades and curves as Parquet: what is written is read again, other tables are refused, pandas stays unloaded."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backtest import samples
from backtest.run.outcome import run
from backtest.run.request import RunRequest
from qa.examples import REQUEST
from qa.harness.processes import ROOT
from workflows.errors import BundleContradicted
from workflows.steps import tables

OUTCOME = run(RunRequest.parse(REQUEST), {"SP500": samples.load("SP500")})
TRADES = tables.trades_to_parquet(OUTCOME.tables)
CURVES = tables.curves_to_parquet(OUTCOME.tables)


def parquet(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, use_dictionary=False)
    return sink.getvalue().to_pybytes()


def table_of(content):
    return pq.read_table(pa.BufferReader(content))


def test_what_is_written_is_read_again_bit_for_bit():
    result = tables.to_result({}, tables.from_parquet(TRADES, CURVES))

    assert (result.times == OUTCOME.simulation.times).all()
    assert result.curves["equity"].tobytes() == OUTCOME.curves["equity"].tobytes()
    assert [trade["pnl"] for trade in result.trades] == OUTCOME.trades.pnl.tolist()
    assert {trade["symbol"] for trade in result.trades} == {"SP500"}
    first = np.datetime64(result.trades[0]["entry_time"].replace(tzinfo=None), "s")
    assert first == OUTCOME.simulation.times[OUTCOME.trades.entry_bar[0]]


def test_another_reader_sees_the_same_columns():
    trades = table_of(TRADES)

    assert trades["pnl"].to_pylist() == OUTCOME.trades.pnl.tolist()
    assert set(trades["side"].to_pylist()) == {"long"}
    assert str(trades.schema.field("exit_time").type) == "timestamp[ms, tz=UTC]"


def test_a_table_of_no_trades_is_read_as_no_trades():
    none = parquet(table_of(TRADES).slice(0, 0))

    assert tables.to_result({}, tables.from_parquet(none, CURVES)).trades == []


@pytest.mark.parametrize(
    "changed",
    [
        lambda table: table.drop_columns(["equity"]),
        lambda table: table.set_column(1, "equity", pa.array(["rich"] * len(table))),
        lambda table: table.set_column(1, "equity", pa.array([None] * len(table), pa.float64())),
    ],
    ids=["no equity", "text", "nulls"],
)
def test_another_table_than_that_of_the_curves_is_refused(changed):
    with pytest.raises(BundleContradicted, match="columns without a gap are expected: times, equity"):
        tables.from_parquet(TRADES, parquet(changed(table_of(CURVES))))


def test_writing_and_reading_a_result_loads_no_pandas():
    script = (
        "import sys; from tests.workflows.steps.test_tables import CURVES, TRADES, tables; "
        "tables.to_result({}, tables.from_parquet(TRADES, CURVES)); sys.exit('pandas' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
