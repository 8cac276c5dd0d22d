"""Bundles that state what their tables do not say: the code of rule packages runs in the step that writes them."""

import json
import os
import socket
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from backtest import samples
from backtest.run import recomputed
from backtest.run.request import RunRequest
from backtest.run.result_tables import ResultTables, result_hash
from backtest.run.span import Calendar, find_span
from config.exit_codes import Exit
from qa.examples import REQUEST
from store.models import Trade
from workflows.steps import bundle, engine, persist, tables


def rewritten(folder, run_id, files):
    """The bundle with these files, under a manifest that proves them whole."""
    bundle.write(folder, run_id, files)


def summary_of(files):
    return json.loads(files[bundle.SUMMARY])


def with_summary(files, **changes):
    return files | {bundle.SUMMARY: json.dumps(summary_of(files) | changes).encode()}


def with_column(content, name, values):
    table = pq.read_table(pa.BufferReader(content))
    place = table.column_names.index(name) if name in table.column_names else len(table.column_names)
    changed = (
        table.set_column(place, name, values)
        if name in table.column_names
        else table.append_column(name, values)
    )
    sink = pa.BufferOutputStream()
    pq.write_table(changed, sink, use_dictionary=False)
    return sink.getvalue().to_pybytes()


def other_metrics(files, _run):
    return with_summary(files, metrics=summary_of(files)["metrics"] | {"total_return": 9.99})


def other_metrics_with_their_hash(files, _run):
    """Forged with care: the hash is that of the tables and the forged metrics."""
    summary = summary_of(files)
    summary["metrics"]["sharpe_ratio"] *= 3
    read = tables.from_parquet(files[bundle.TRADES], files[bundle.CURVES])
    return with_summary(files, metrics=summary["metrics"], result_hash=result_hash(read, summary))


def another_year_with_its_metrics(files, _run):
    summary = summary_of(files)
    summary["conventions"]["periods_per_year"] = 100_000
    read = tables.from_parquet(files[bundle.TRADES], files[bundle.CURVES])
    request, prices = RunRequest.parse(REQUEST), samples.load("SP500")
    calendar = Calendar("SP500", prices.timeframe, prices.data_hash, prices.bars.times)
    span = find_span(request, {"SP500": calendar})
    account = replace(recomputed.account(read, span, request), year=100_000)
    summary |= recomputed.derived(account)
    summary["result_hash"] = result_hash(read, summary)
    return files | {bundle.SUMMARY: json.dumps(summary).encode()}


def another_hash(files, _run):
    return with_summary(files, result_hash="0" * 64)


def an_older_hash(files, _run):
    return with_summary(files, result_hash_version=1)


def other_prices(files, _run):
    return with_summary(files, data_hashes={"SP500": "0" * 64})


def another_profit(files, _run):
    pnl = pq.read_table(pa.BufferReader(files[bundle.TRADES]))["pnl"].to_numpy() * 1_000
    return files | {bundle.TRADES: with_column(files[bundle.TRADES], "pnl", pa.array(pnl))}


def another_curve(files, _run):
    equity = pq.read_table(pa.BufferReader(files[bundle.CURVES]))["equity"].to_numpy().copy()
    equity[-1] *= 2
    return files | {bundle.CURVES: with_column(files[bundle.CURVES], "equity", pa.array(equity))}


def columns_of_another_run(files, _run):
    count = pq.read_metadata(pa.BufferReader(files[bundle.TRADES])).num_rows
    other = with_column(files[bundle.TRADES], "run_id", pa.array(["another-run"] * count))
    return files | {bundle.TRADES: with_column(other, "seq", pa.array(np.arange(count) + 1_000))}


def another_symbol(files, _run):
    count = pq.read_metadata(pa.BufferReader(files[bundle.TRADES])).num_rows
    return files | {bundle.TRADES: with_column(files[bundle.TRADES], "symbol", pa.array(["GOOG"] * count))}


def no_number(files, _run):
    count = pq.read_metadata(pa.BufferReader(files[bundle.TRADES])).num_rows
    return files | {bundle.TRADES: with_column(files[bundle.TRADES], "pnl", pa.array([float("nan")] * count))}


def a_longer_word(files, _run):
    count = pq.read_metadata(pa.BufferReader(files[bundle.TRADES])).num_rows
    return files | {bundle.TRADES: with_column(files[bundle.TRADES], "side", pa.array(["x" * 999] * count))}


def metrics_of_another_kind(files, _run):
    return with_summary(files, metrics=["total_return"])


def a_text_in_place_of_a_metric(files, _run):
    return with_summary(files, metrics=summary_of(files)["metrics"] | {"total_return": "much"})


def other_months(files, _run):
    monthly = summary_of(files)["monthly"]
    return with_summary(files, monthly=[monthly[0] | {"return": 5.0}, *monthly[1:]])


def years_of_another_kind(files, _run):
    return with_summary(files, yearly=[1999])


def more_bars(files, _run):
    return with_summary(files, bars=10_000)


def another_open_end(files, _run):
    return with_summary(files, flags=summary_of(files)["flags"] | {"open_at_end": 7})


def another_drawdown(files, _run):
    drawdown = pq.read_table(pa.BufferReader(files[bundle.CURVES]))["drawdown"].to_numpy() / 2
    return files | {bundle.CURVES: with_column(files[bundle.CURVES], "drawdown", pa.array(drawdown))}


def no_benchmark(files, _run):
    nothing = pa.array([0.0] * pq.read_metadata(pa.BufferReader(files[bundle.CURVES])).num_rows)
    return files | {bundle.CURVES: with_column(files[bundle.CURVES], "benchmark", nothing)}


def warnings_of_another_kind(files, _run):
    return with_summary(files, warnings=[{"code": "x", "message": ["y"]}])


def a_cut_at_no_day(files, _run):
    return with_summary(files, lookahead=summary_of(files)["lookahead"] | {"cuts": ["never"]})


def another_reason_of_rejection(files, _run):
    funnel = summary_of(files)["funnel"] | {"rejected": {"whim": 1}}
    return with_summary(files, funnel=funnel)


def no_number_of_json(files, _run):
    return with_summary(files, extra=float("nan"))


def a_number_of_many_digits(files, _run):
    return with_summary(files, extra=10**400)


def half_a_character(files, _run):
    return with_summary(files, extra="\ud800")


def very_deep(files, _run):
    summary = files[bundle.SUMMARY].decode()
    return files | {bundle.SUMMARY: (summary[:-1] + ', "extra": ' + "[" * 500 + "]" * 500 + "}").encode()}


def no_table_of_trades(files, _run):
    return {name: content for name, content in files.items() if name != bundle.TRADES}


def a_symbol_of_no_text(files, _run):
    count = pq.read_metadata(pa.BufferReader(files[bundle.TRADES])).num_rows
    symbols = pa.Array.from_buffers(
        pa.string(),
        count,
        [None, pa.py_buffer(np.arange(count + 1, dtype=np.int32)), pa.py_buffer(b"\xff" * count)],
    )
    return files | {bundle.TRADES: with_column(files[bundle.TRADES], "symbol", symbols)}


def a_broken_page(files, _run):
    content = bytearray(files[bundle.CURVES])
    content[4:400] = b"\xff" * 396
    return files | {bundle.CURVES: bytes(content)}


def a_hundred_million_equal_numbers(files, _run):
    """Two kilobytes of the columns that are expected."""
    names = pq.read_schema(pa.BufferReader(files[bundle.CURVES]))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, names, compression="zstd") as writer:
        some = pa.table(
            {field.name: pa.array([0] * 2_000_000, pa.int64()).cast(field.type) for field in names}
        )
        for _ in range(4):
            writer.write_table(some)
    return files | {bundle.CURVES: sink.getvalue().to_pybytes()}


FORGERIES = (
    other_months, years_of_another_kind, more_bars, another_open_end, another_drawdown, no_benchmark,
    warnings_of_another_kind, a_cut_at_no_day, another_reason_of_rejection, no_number_of_json, a_number_of_many_digits,
    half_a_character, very_deep, no_table_of_trades, a_symbol_of_no_text, a_broken_page, a_hundred_million_equal_numbers,
    other_metrics, other_metrics_with_their_hash, another_year_with_its_metrics, another_hash, an_older_hash, other_prices,
    another_profit, another_curve, columns_of_another_run, another_symbol, no_number, a_longer_word,
    metrics_of_another_kind, a_text_in_place_of_a_metric,
)  # fmt: skip


@pytest.fixture
def computed(environment, tmp_path, monkeypatch):
    """A RUNNING run with its bundle."""
    for name, value in environment.environment().items():
        monkeypatch.setenv(name, value)
    run_id, folder = environment.enqueue(), tmp_path / "bundle"
    assert engine.main(["--run-id", run_id, "--bundle", str(folder)]) == Exit.OK
    return run_id, folder


def stored(run_id, folder):
    return persist.main(["--run-id", run_id, "--bundle", str(folder)])


def test_the_bundle_as_it_was_written_is_stored(environment, computed):
    run_id, folder = computed

    assert stored(run_id, folder) == Exit.OK
    assert environment.get(run_id).status == "SUCCEEDED"


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forged_bundle_fails_its_run_and_stores_nothing(environment, computed, forge):
    run_id, folder = computed
    files = bundle.read(folder, run_id)

    rewritten(folder, run_id, forge(files, environment.get(run_id)))

    assert stored(run_id, folder) == Exit.BAD_INPUT
    run = environment.get(run_id)
    assert (run.status, run.error_code, run.result_hash) == ("FAILED", "bad_result", None)
    assert "The result was not stored: " in run.error_message
    with environment.database.read() as session:
        assert session.scalars(select(Trade)).all() == []


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "socket"])
def test_what_is_no_plain_file_is_not_followed(environment, computed, kind):
    run_id, folder = computed
    (folder / bundle.SUMMARY).unlink()
    if kind == "link":
        (folder / bundle.SUMMARY).symlink_to("/etc/hostname")
    elif kind == "fifo":
        os.mkfifo(folder / bundle.SUMMARY)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(folder / bundle.SUMMARY))
    else:
        (folder / bundle.SUMMARY).mkdir()

    assert stored(run_id, folder) == Exit.BAD_INPUT
    assert environment.get(run_id).error_code == "bad_result"


@pytest.mark.parametrize("name", ["..", "a\0b.json", "\ud800.json", "x" * 300 + ".json", "A.JSON"], ids=ascii)
def test_a_name_that_no_file_of_a_bundle_has_is_refused(environment, computed, name):
    run_id, folder = computed
    manifest = json.loads((folder / bundle.MANIFEST).read_text())
    manifest["files"][name] = {"bytes": 1, "sha256": "0" * 64}
    (folder / bundle.MANIFEST).write_text(json.dumps(manifest))

    assert stored(run_id, folder) == Exit.BAD_INPUT


@pytest.mark.parametrize("error", [TypeError, KeyError, ValueError, ZeroDivisionError, AttributeError])
def test_a_mistake_of_ours_is_not_called_a_bad_bundle(environment, computed, monkeypatch, capsys, error):
    run_id, folder = computed
    monkeypatch.setattr(persist.stated, "result_hash", Mock(side_effect=error("a mistake of ours")))

    assert stored(run_id, folder) == Exit.CRASHED
    assert environment.get(run_id).status == "RUNNING"
    monkeypatch.undo()
    assert "Traceback" in capsys.readouterr().out


def test_after_a_mistake_of_ours_the_same_bundle_is_stored(environment, computed, monkeypatch):
    run_id, folder = computed
    with monkeypatch.context() as broken:
        broken.setattr(persist.stated, "result_hash", Mock(side_effect=TypeError("a mistake of ours")))
        stored(run_id, folder)

    assert stored(run_id, folder) == Exit.OK
    assert environment.get(run_id).status == "SUCCEEDED"


def test_the_hash_covers_every_column_every_metric_and_the_order_of_the_trades(environment, computed):
    run_id, folder = computed
    files = bundle.read(folder, run_id)
    summary, read = summary_of(files), tables.from_parquet(files[bundle.TRADES], files[bundle.CURVES])
    hashes = {result_hash(read, summary)}
    for name, column in read.curves.items():
        hashes.add(
            result_hash(ResultTables(read.times, {**read.curves, name: column + 1e-9}, read.trades), summary)
        )
    for name, column in read.trades.items():
        hashes.add(
            result_hash(ResultTables(read.times, read.curves, {**read.trades, name: column[::-1]}), summary)
        )
    for name, value in summary["metrics"].items():
        metrics = summary["metrics"] | {name: (value or 1) * 1.001}
        hashes.add(result_hash(read, summary | {"metrics": metrics}))

    constant = [name for name, column in read.trades.items() if len(set(np.asarray(column).tolist())) == 1]
    assert len(hashes) == 1 + len(read.curves) + len(read.trades) - len(constant) + len(summary["metrics"])
