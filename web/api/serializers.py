"""Makes the answers of the HTTP interface from what the database holds."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from sqlalchemy.orm import Session

from backtest import rules
from backtest.fields import Field
from store.models import AuditEntry, Preset, Run, Status, StoredDataset, Trade
from store.queries import run_list, runs
from web.services import now

if TYPE_CHECKING:
    from web.api import audit_schemas, preset_schemas, schemas


def run_brief(run: Run) -> schemas.RunBrief:
    """A run as one row of a list."""
    return {
        **_state(run),
        **_traded(run),
        "total_return": run.total_return,
        "sharpe_ratio": run.sharpe_ratio,
        "max_drawdown": run.max_drawdown,
        "num_trades": run.num_trades,
        "name": run.name,
        "tags": run.tags,
        "starred": run.starred,
        **_period(run),
        **_timestamps(run),
    }


def run_details(run: Run) -> schemas.RunDetails:
    """What was asked for and how it went."""
    return {
        **_state(run),
        **_timestamps(run),
        "elapsed_seconds": elapsed_seconds(run),
        **_request(run),
        **_provenance(run),
        "name": run.name,
        "notes": run.notes,
        "tags": run.tags or [],
        "starred": run.starred,
    }


def waiting(session: Session, run: Run) -> schemas.Waiting:
    """How many runs are before this one, while it waits."""
    return {"waiting_before": run_list.waiting_before(session, run)} if run.status == Status.PENDING else {}


def trade(trade: Trade) -> schemas.Trade:
    """One closed trade."""
    return {
        "seq": trade.seq,
        "symbol": trade.symbol,
        "side": trade.side,
        "size": trade.size,
        "entry_time": _timestamp(trade.entry_time),
        "exit_time": _timestamp(trade.exit_time),
        "entry_price": trade.entry_price,
        "entry_fill": trade.entry_fill,
        "exit_price": trade.exit_price,
        "exit_fill": trade.exit_fill,
        "entry_fee": trade.entry_fee,
        "exit_fee": trade.exit_fee,
        "slippage": trade.slippage,
        "borrow": trade.borrow,
        "pnl": trade.pnl,
        "pnl_pct": trade.pnl_pct,
        "bars_held": trade.bars_held,
        "mae_pct": trade.mae_pct,
        "mfe_pct": trade.mfe_pct,
        "exit_reason": trade.exit_reason,
    }


def symbol(stored: StoredDataset) -> schemas.Symbol:
    """A symbol with the range of its prices."""
    return {
        "symbol": stored.symbol,
        "first_bar": stored.first_bar.date().isoformat(),
        "last_bar": stored.last_bar.date().isoformat(),
        "bars": stored.bars,
        "timeframe": stored.timeframe,
        "source": stored.source,
        "data_hash": stored.data_hash,
    }


def dataset(stored: StoredDataset) -> schemas.Dataset:
    """A symbol with its data-quality report."""
    return {**symbol(stored), "certificate": stored.certificate}


def preset(preset: Preset) -> preset_schemas.Preset:
    """Saved values of the form."""
    return {
        "id": preset.id,
        "name": preset.name,
        "request": preset.body,
        "created_at": _timestamp(preset.created_at),
        "updated_at": _timestamp(preset.updated_at),
    }


def audit_entry(entry: AuditEntry) -> audit_schemas.AuditEntry:
    """One action of the audit trail."""
    return {
        "id": entry.id,
        "at": _timestamp(entry.at),
        "client": entry.client,
        "action": entry.action,
        "target_kind": entry.target_kind,
        "target_id": entry.target_id,
        "detail": entry.detail,
    }


def rule(rule: type[rules.Rule]) -> schemas.Rule:
    """A rule with its parameters."""
    return {
        "name": rule.name,
        "label": rule.label,
        "help": rule.help,
        "params": [_parameter(field) for field in rule.params],
    }


def elapsed_seconds(run: Run) -> float:
    """Seconds from submission to the end, or until now."""
    return max(0.0, ((run.completed_at or now()) - run.created_at).total_seconds())


def _state(run: Run) -> schemas.State:
    return {
        "run_id": run.run_id,
        "status": run.status,
        "stage": run.stage,
        "progress": run.progress,
        "error_code": run.error_code,
        "error_message": run.error_message,
    }


def _timestamps(run: Run) -> schemas.Timestamps:
    return {
        "created_at": _timestamp(run.created_at),
        "started_at": _timestamp_or_none(run.started_at),
        "completed_at": _timestamp_or_none(run.completed_at),
    }


def _traded(run: Run) -> schemas.Traded:
    return {"symbols": run.symbols, "rule_type": run.rule_type, "params": run.params}


def _period(run: Run) -> schemas.Period:
    return {"start_date": run.start_date.isoformat(), "end_date": run.end_date.isoformat()}


def _request(run: Run) -> schemas.Request:
    return cast("schemas.Request", runs.request_json(run))


def _provenance(run: Run) -> schemas.Provenance:
    return {
        "data_hash": run.data_hash,
        "data_hashes": run.data_hashes,
        "engine_version": run.engine_version,
        "image_tag": run.image_tag,
        "result_hash": run.result_hash,
        "workflow_name": run.workflow_name,
    }


def _parameter(field: Field) -> schemas.Parameter:
    return {
        "name": field.name,
        "label": field.label,
        "help": field.help,
        "unit": field.unit,
        "required": field.required,
        "allowed": field.allowed,
        "schema": field.schema(),
    }


def _timestamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _timestamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _timestamp(moment)
