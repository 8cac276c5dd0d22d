"""Adds which run a run was executed again to verify."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("verifies", sa.String(length=36), nullable=True))
    op.create_index("ix_runs_verifies", "runs", ["verifies", "created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_runs_verifies", "runs")
    op.drop_column("runs", "verifies")
