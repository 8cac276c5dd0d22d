"""Writes the expected result of the golden run, as this checkout computes it through web and worker."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from qa.harness.environment import TestEnvironment
from web import golden_run

REQUEST = {
    "symbols": [golden_run.SYMBOL], "rule_type": "MOVING_AVERAGE_CROSS", "params": {"fast": 10, "slow": 30},
    "start_date": "2005-01-03", "end_date": "2012-12-31", "initial_capital": 100000, "fee_rate": 0.001,
    "slippage_bps": 5, "size_type": "percent", "size": 100, "stop_loss_pct": 12,
}  # fmt: skip


def main() -> int:
    """Write the file; what changed in it is what the next release computes otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        product = TestEnvironment(f"sqlite:///{folder}/record.sqlite3", Path(folder) / "product", workers=1)
        try:
            product.start()
            run = golden_run.submit(golden_run.Web(f"http://127.0.0.1:{product.port}"), REQUEST)
        finally:
            product.stop()
    if run["status"] != "SUCCEEDED":
        raise RuntimeError(run["error_message"])
    expected = {"request": REQUEST, "metrics": run["metrics"], "result_hash": run["result_hash"]}
    golden_run.EXPECTED.write_text(json.dumps(expected, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {golden_run.EXPECTED}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
