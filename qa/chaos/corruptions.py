"""Ways to corrupt a bundle; imports nothing, as steps under test load it."""

from __future__ import annotations

CORRUPTIONS = {
    "manifest missing": "left no complete result",
    "manifest cut": "is not readable",
    "manifest empty": "does not list its files",
    "manifest of another format": "has format",
    "manifest of another run": "belongs to run",
    "manifest lists no files": "has no summary.json",
    "file missing": "is missing",
    "file cut": "is cut",
    "file altered": "was altered",
    "file not a table": "not readable",
    "summary not JSON": "is not readable",
    "summary without its figures": "has no metrics, result_hash",
    "folder missing": "left no complete result",
}
"""Every way to corrupt a bundle, and a part of the message with which the run must fail."""
