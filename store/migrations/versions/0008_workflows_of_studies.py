"""Adds the workflow that executes a study in a cluster, how many it had before, and how many pods it takes."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("studies", sa.Column("workflow_name", sa.String(128), nullable=True))
    op.add_column("studies", sa.Column("workflow_uid", sa.String(36), nullable=True))
    op.add_column("studies", sa.Column("workflows", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("studies", sa.Column("pods", sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in ("pods", "workflows", "workflow_uid", "workflow_name"):
        op.drop_column("studies", name)
