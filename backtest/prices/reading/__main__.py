"""The process that reads one file of a stranger: a question on stdin, the answer on stdout, then it ends.

Question: eight bytes with the length of a JSON object, the object, the bytes of the file. Answer: eight
bytes with the length of a JSON object, the object, the datasets as `Dataset.encode` writes them.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from collections.abc import Mapping
from typing import Any

_LENGTH = struct.Struct("<Q")
_SECONDS = 120
"""Processor time; the parent's clock ends the process earlier."""


def main() -> int:
    """Answer one question; 3 where the memory was not enough."""
    stdin = sys.stdin.buffer
    (length,) = _LENGTH.unpack(stdin.read(_LENGTH.size))
    about: dict[str, Any] = json.loads(stdin.read(length))
    _limit(about["memory_mib"])
    try:
        head, payloads = _answer(stdin.read(), about)
    except MemoryError:
        return 3
    encoded = json.dumps(head).encode()
    for part in (_LENGTH.pack(len(encoded)), encoded, *payloads):
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    return 0


def _limit(memory_mib: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mib << 20, memory_mib << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(data: bytes, about: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    import pyarrow as pa

    from backtest.errors import BacktestError, InvalidFile, InvalidRequest
    from backtest.optional_imports import hidden
    from backtest.prices.reading.options import ReadOptions
    from backtest.prices.reading.reader import read_prices, understand

    with hidden("pandas"):
        pa.array([0.0])  # Arrow looks for pandas once, with its first array
    read = understand if about["preview"] else read_prices
    try:
        reading = read(
            data,
            file=about["file"],
            symbol=about.get("symbol"),
            options=ReadOptions.parse(about.get("options") or {}),
        )
    except InvalidFile as invalid:
        return {"errors": [_described(error) for error in invalid.errors]}, []
    except InvalidRequest as invalid:
        return {
            "errors": [
                _described(InvalidFile(e.message, file=about["file"], field=e.field)) for e in invalid.errors
            ]
        }, []
    except BacktestError as error:
        return {"errors": [_described(InvalidFile(str(error), file=about["file"]))]}, []
    payloads = [prices.dataset.encode() for prices in reading.symbols]
    sizes = [{"bytes": len(payload)} for payload in payloads]
    return {"reading": reading.as_json(), "payloads": sizes}, payloads


def _described(error: Any) -> dict[str, Any]:
    return {"message": error.message, "line": error.line, "date": error.date, "field": error.field}


if __name__ == "__main__":
    sys.exit(main())
