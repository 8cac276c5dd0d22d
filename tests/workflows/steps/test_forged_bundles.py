"""Bundles that state what their tables do not say: the code of rule packages runs in the step that writes them."""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from backtest.run.result_tables import ResultTables, result_hash
from config.exit_codes import Exit
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
    pq.write_table(changed, sink)
    return sink.getvalue().to_pybytes()


def other_metrics(files, _run):
    return with_summary(files, metrics=summary_of(files)["metrics"] | {"total_return": 9.99})


def other_metrics_with_their_hash(files, _run):
    """Forged with care: the hash is that of the tables and the forged metrics."""
    summary = summary_of(files)
    summary["metrics"]["sharpe_ratio"] *= 3
    read = tables.from_parquet(files[bundle.TRADES], files[bundle.CURVES])
    return with_summary(files, metrics=summary["metrics"], result_hash=result_hash(read, summary))


def another_year_with_its_metrics(files, run):
    summary = summary_of(files)
    summary["conventions"]["periods_per_year"] = 100_000
    read = tables.from_parquet(files[bundle.TRADES], files[bundle.CURVES])
    from backtest.metrics import compute_metrics
    from backtest.run import recomputed

    summary["metrics"] = compute_metrics(recomputed.account(read, summary, run.initial_capital)).values
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


FORGERIES = (
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


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_no_plain_file_is_not_followed(environment, computed, kind):
    run_id, folder = computed
    (folder / bundle.SUMMARY).unlink()
    if kind == "link":
        (folder / bundle.SUMMARY).symlink_to("/etc/hostname")
    elif kind == "fifo":
        os.mkfifo(folder / bundle.SUMMARY)
    else:
        (folder / bundle.SUMMARY).mkdir()

    assert stored(run_id, folder) == Exit.BAD_INPUT
    assert environment.get(run_id).error_code == "bad_result"


def test_a_name_that_leaves_the_folder_is_no_file_of_a_bundle(environment, computed):
    run_id, folder = computed
    manifest = json.loads((folder / bundle.MANIFEST).read_text())
    manifest["files"][".."] = {"bytes": 1, "sha256": "0" * 64}
    (folder / bundle.MANIFEST).write_text(json.dumps(manifest))

    assert stored(run_id, folder) == Exit.BAD_INPUT


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
