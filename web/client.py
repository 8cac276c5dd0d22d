"""Who asks, as far as shares are concerned."""

from __future__ import annotations

from flask import request


def client() -> str:
    """The name that submissions are accounted to."""
    return f"address:{request.remote_addr or 'unknown'}"
