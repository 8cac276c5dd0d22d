"""Adds studies with their chunks, the ledger of what was tried, and the trial that a run is."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from store.types import JsonText, LongBlob, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    op.add_column("runs", sa.Column("study_id", sa.String(length=36), nullable=True))
    op.add_column("runs", sa.Column("trial", sa.Integer(), nullable=True))
    op.create_index("ix_runs_study_id", "runs", ["study_id", "trial"], unique=False)
    op.create_table(
        "studies",
        sa.Column("study_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("symbols", JsonText(), nullable=False),
        sa.Column("rule_type", sa.String(length=64), nullable=False),
        sa.Column("timeframe", sa.String(length=16), nullable=False),
        sa.Column("request", JsonText(), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("data_hashes", JsonText(), nullable=False),
        sa.Column("numbers", LongBlob, nullable=False),
        sa.Column("bars", sa.Integer(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("simulations", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("done_chunks", sa.Integer(), nullable=False),
        sa.Column("missing_chunks", sa.Integer(), nullable=False),
        sa.Column("summary", JsonText(), nullable=True),
        sa.Column("result_hash", sa.String(length=64), nullable=True),
        sa.Column("image_tag", sa.String(length=128), nullable=True),
        sa.Column("client", sa.String(length=128), nullable=True),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("lease_owner", sa.String(length=128), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')",
            name=op.f("ck_studies_status_known"),
        ),
        sa.PrimaryKeyConstraint("study_id", name=op.f("pk_studies")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_studies_idempotency_key")),
        **INNODB,
    )
    op.create_index("ix_studies_status_created_at", "studies", ["status", "created_at", "study_id"])
    op.create_index("ix_studies_created_at", "studies", ["created_at", "study_id"])
    op.create_table(
        "study_chunks",
        sa.Column("study_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("payload", LongBlob, nullable=True),
        sa.Column("figures", LongBlob, nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["studies.study_id"],
            name=op.f("fk_study_chunks_study_id_studies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("study_id", "number", name=op.f("pk_study_chunks")),
        **INNODB,
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("rule_type", sa.String(length=64), nullable=False),
        sa.Column("symbols", JsonText(), nullable=False),
        sa.Column("timeframe", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=36), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("variance", sa.Double(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("fingerprint", "request_hash", name=op.f("uq_ledger_fingerprint_request_hash")),
        **INNODB,
    )


def downgrade() -> None:
    op.drop_table("ledger")
    op.drop_table("study_chunks")
    op.drop_table("studies")
    op.drop_index("ix_runs_study_id", "runs")
    op.drop_column("runs", "trial")
    op.drop_column("runs", "study_id")
