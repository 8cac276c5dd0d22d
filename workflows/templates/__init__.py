"""The WorkflowTemplates of the cluster, each a function of the settings."""

from workflows.templates.backtest import backtest, quick
from workflows.templates.migrate import db_migrate
from workflows.templates.robustness import robustness
from workflows.templates.sweep import sweep

__all__ = ["backtest", "db_migrate", "quick", "robustness", "sweep"]
