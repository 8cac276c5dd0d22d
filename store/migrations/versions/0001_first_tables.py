"""Runs, results, trades, datasets and presets."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from store.types import JsonText, LongBlob, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    _datasets()
    _presets()
    _runs()
    _results()
    _run_symbols()
    _trades()


def downgrade() -> None:
    for table in ("trades", "run_symbols", "results", "runs", "presets", "datasets"):
        op.drop_table(table)


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("data_hash", sa.String(length=64), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("timeframe", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=1000), nullable=False),
        sa.Column("first_bar", UtcDateTime(), nullable=False),
        sa.Column("last_bar", UtcDateTime(), nullable=False),
        sa.Column("bars", sa.Integer(), nullable=False),
        sa.Column("payload", LongBlob, nullable=False),
        sa.Column("certificate", JsonText(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("current_since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("data_hash", name=op.f("pk_datasets")),
        **INNODB,
    )
    op.create_index("ix_datasets_symbol_current_since", "datasets", ["symbol", "current_since"], unique=False)


def _presets() -> None:
    op.create_table(
        "presets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("body", JsonText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presets")),
        sa.UniqueConstraint("name", name=op.f("uq_presets_name")),
        **INNODB,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("symbols", JsonText(), nullable=False),
        sa.Column("rule_type", sa.String(length=64), nullable=False),
        sa.Column("params", JsonText(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("initial_capital", sa.Double(), nullable=False),
        sa.Column("fee_rate", sa.Double(), nullable=False),
        sa.Column("fee_per_share", sa.Double(), nullable=False),
        sa.Column("fee_min", sa.Double(), nullable=False),
        sa.Column("slippage_bps", sa.Double(), nullable=False),
        sa.Column("size_type", sa.String(length=16), nullable=False),
        sa.Column("size", sa.Double(), nullable=False),
        sa.Column("fractional", sa.Boolean(), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("fill", sa.String(length=16), nullable=False),
        sa.Column("stop_loss_pct", sa.Double(), nullable=True),
        sa.Column("take_profit_pct", sa.Double(), nullable=True),
        sa.Column("trailing_stop_pct", sa.Double(), nullable=True),
        sa.Column("borrow_rate", sa.Double(), nullable=False),
        sa.Column("risk_free_rate", sa.Double(), nullable=False),
        sa.Column("benchmark", sa.String(length=32), nullable=True),
        sa.Column("received", JsonText(), nullable=False),
        sa.Column("data_hash", sa.String(length=64), nullable=True),
        sa.Column("data_hashes", JsonText(), nullable=True),
        sa.Column("engine_version", sa.Integer(), nullable=True),
        sa.Column("image_tag", sa.String(length=128), nullable=True),
        sa.Column("result_hash", sa.String(length=64), nullable=True),
        sa.Column("metrics", JsonText(), nullable=True),
        sa.Column("total_return", sa.Double(), nullable=True),
        sa.Column("sharpe_ratio", sa.Double(), nullable=True),
        sa.Column("max_drawdown", sa.Double(), nullable=True),
        sa.Column("num_trades", sa.Integer(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("lease_owner", sa.String(length=128), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("workflow_name", sa.String(length=128), nullable=True),
        sa.Column("workflow_uid", sa.String(length=36), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("tags", JsonText(), nullable=False),
        sa.Column("starred", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')",
            name=op.f("ck_runs_status_known"),
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_runs_idempotency_key")),
        **INNODB,
    )
    op.create_index("ix_runs_created_at", "runs", ["created_at", "run_id"], unique=False)
    op.create_index(
        "ix_runs_rule_type_created_at", "runs", ["rule_type", "created_at", "run_id"], unique=False
    )
    op.create_index("ix_runs_starred_created_at", "runs", ["starred", "created_at", "run_id"], unique=False)
    op.create_index("ix_runs_status_created_at", "runs", ["status", "created_at", "run_id"], unique=False)
    for figure in ("total_return", "sharpe_ratio", "max_drawdown", "num_trades"):
        op.create_index(f"ix_runs_{figure}", "runs", [figure, "run_id"], unique=False)


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("summary", JsonText(), nullable=False),
        sa.Column("times", LongBlob, nullable=False),
        sa.Column("equity", LongBlob, nullable=False),
        sa.Column("cash", LongBlob, nullable=False),
        sa.Column("exposure", LongBlob, nullable=False),
        sa.Column("drawdown", LongBlob, nullable=False),
        sa.Column("benchmark", LongBlob, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_results_run_id_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_results")),
        **INNODB,
    )


def _run_symbols() -> None:
    op.create_table(
        "run_symbols",
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_run_symbols_run_id_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("symbol", "run_id", name=op.f("pk_run_symbols")),
        **INNODB,
    )


def _trades() -> None:
    op.create_table(
        "trades",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("size", sa.Double(), nullable=False),
        sa.Column("entry_time", UtcDateTime(), nullable=False),
        sa.Column("exit_time", UtcDateTime(), nullable=False),
        sa.Column("entry_price", sa.Double(), nullable=False),
        sa.Column("entry_fill", sa.Double(), nullable=False),
        sa.Column("exit_price", sa.Double(), nullable=False),
        sa.Column("exit_fill", sa.Double(), nullable=False),
        sa.Column("entry_fee", sa.Double(), nullable=False),
        sa.Column("exit_fee", sa.Double(), nullable=False),
        sa.Column("slippage", sa.Double(), nullable=False),
        sa.Column("borrow", sa.Double(), nullable=False),
        sa.Column("pnl", sa.Double(), nullable=False),
        sa.Column("pnl_pct", sa.Double(), nullable=False),
        sa.Column("bars_held", sa.Integer(), nullable=False),
        sa.Column("mae_pct", sa.Double(), nullable=False),
        sa.Column("mfe_pct", sa.Double(), nullable=False),
        sa.Column("exit_reason", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_trades_run_id_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_trades")),
        **INNODB,
    )
