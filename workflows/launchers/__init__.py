"""Launchers: how a PENDING run comes to be executed."""

from __future__ import annotations

from config.settings import Settings
from workflows.launchers.launcher import Launcher
from workflows.launchers.local import LocalLauncher

__all__ = ["Launcher", "LocalLauncher", "launcher_for"]


def launcher_for(settings: Settings) -> Launcher:
    """The launcher that JOB_LAUNCHER_MODE asks for."""
    if settings.launcher_mode == "LOCAL":
        return LocalLauncher()
    from workflows.launchers.argo import ArgoLauncher

    return ArgoLauncher(settings)
