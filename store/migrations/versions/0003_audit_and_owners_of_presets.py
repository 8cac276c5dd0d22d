"""Adds the audit trail, and the client that a preset belongs to."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from store.types import JsonText, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
_INDEXES = ("at", "action", "client", "target_id")


def upgrade() -> None:
    op.add_column("presets", sa.Column("client", sa.String(length=128), nullable=True))
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("client", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("target_kind", sa.String(length=16), nullable=False),
        sa.Column("target_id", sa.String(length=128), nullable=False),
        sa.Column("detail", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        **INNODB,
    )
    for column in _INDEXES:
        op.create_index(f"ix_audit_{column}", "audit", [column, "id"], unique=False)


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_column("presets", "client")
