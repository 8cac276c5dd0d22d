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
    "file cut": "is truncated",
    "file altered": "was modified",
    "file not a table": "the tables of the result are not those of its summary",
    "summary not JSON": "is not readable",
    "summary without its figures": "summary has no result_hash",
    "link in place of a file": "is a link, not a file",
    "forged metrics": "total_return is stated as 9.99",
    "forged metrics with their hash": "sharpe_ratio is stated as",
    "forged curve": "the drawdown is not that of the equity",
    "forged hash": "result_hash is not that of the tables and metrics",
    "columns of another run": "columns without a gap are expected",
    "forged months": "monthly[0].return is stated as 9.99",
    "forged drawdown": "the drawdown is not that of the equity",
    "warnings of another kind": "warnings is not a list",
    "dictionary in place of numbers": "packed otherwise than results are",
    "folder missing": "left no complete result",
}
"""Every way to corrupt a bundle, and a part of the message with which the run must fail."""
