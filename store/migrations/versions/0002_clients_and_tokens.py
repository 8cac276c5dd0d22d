"""Adds the clients with their quotas, the tokens, and the client of each run."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from store.types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    op.add_column("runs", sa.Column("client", sa.String(length=128), nullable=True))
    op.create_index("ix_runs_client_status", "runs", ["client", "status"], unique=False)
    op.create_table(
        "clients",
        sa.Column("client", sa.String(length=128), nullable=False),
        sa.Column("spent_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("client", name=op.f("pk_clients")),
        **INNODB,
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("client", sa.String(length=128), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["tokens.id"], name=op.f("fk_tokens_parent_id_tokens"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_tokens_secret_hash")),
        **INNODB,
    )


def downgrade() -> None:
    op.drop_table("tokens")
    op.drop_table("clients")
    op.drop_index("ix_runs_client_status", table_name="runs")
    op.drop_column("runs", "client")
