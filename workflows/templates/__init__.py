"""The WorkflowTemplates of the cluster, each a function of the settings."""

from workflows.templates.backtest import backtest, quick
from workflows.templates.migrate import db_migrate

__all__ = ["backtest", "db_migrate", "quick"]
