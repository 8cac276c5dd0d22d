"""Compile ahead of time whatever a compiled run and a study need: ``python -m backtest.precompile``.

With ``--in-background`` it gives way to everything else, and does nothing where it was done before. What is compiled is
imported only then: a process that asks whether it was done holds none of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from backtest import jit

IN_BACKGROUND: Final = "--in-background"
_LOWEST_PRIORITY: Final = 19
_BARS: Final = 400
_STUDIES: Final = (
    {"rule_type": "MOVING_AVERAGE_CROSS", "space": {"params.fast": [2, 3], "params.slow": [5, 8]}},
    {"rule_type": "RSI", "space": {"params.period": [2, 3]}},
    {"rule_type": "RSI_MACD", "space": {"params.period": [2, 3]}},
    {"rule_type": "BOLLINGER_BANDS", "space": {"params.period": [5, 8]}},
    {"rule_type": "MACD", "space": {"params.signal": [3, 5]}},
    {
        "rule_type": "EXPRESSION",
        "space": {"params.constants.k": [1, 2], "params.constants.n": [5, 8]},
        "params": {"entry": "close > sma(close, n) + k"},
    },
    {"rule_type": "MOMENTUM", "space": {"params.period": [5, 8]}, "symbols": ["X", "Y"]},
)
"""A rule for each way in which positions are found, and several symbols, whose targets are of another type."""


def warm_up(*, studies: bool = True) -> None:
    """Compile the engine and what a single run calls, and with `studies` what studies call."""
    import numpy as np

    from backtest.prices.bars import Bars
    from backtest.rules import build
    from backtest.simulation import curves
    from backtest.simulation.config import EngineConfig
    from backtest.simulation.simulate import simulate

    price = np.array([[10.0], [11.0], [9.0], [12.0], [8.0]])
    times = np.arange(5).astype("datetime64[D]").astype("datetime64[s]")
    bars, config = Bars(("X",), times, price, price, price, price, price), EngineConfig()
    simulate(bars, np.array([1.0, 0.0, 1.0, 0.0, 1.0]), config, backend="jit")
    curves.below_peak(price[:, 0])
    cross = build("MOVING_AVERAGE_CROSS", {"fast": 1, "slow": 2})
    cross.target(bars)
    pair = np.hstack((price, price))
    cross.target(Bars(("X", "Y"), times, pair, pair, pair, pair, pair))
    if studies:
        _execute_studies()


def _execute_studies() -> None:
    """Execute and judge a study of each kind."""
    import numpy as np

    from backtest.prices.dataset import make_dataset
    from backtest.studies.compute import compute_chunk
    from backtest.studies.request import StudyRequest
    from backtest.studies.result import finish

    times = np.arange(_BARS).astype("datetime64[D]").astype("datetime64[s]")
    price = 100.0 + 10.0 * np.sin(np.arange(_BARS)) + np.arange(_BARS) % 7
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), price)
    prices = {symbol: make_dataset(symbol, times, columns, source="") for symbol in ("X", "Y")}
    common = {"symbols": ["X"], "start_date": "1970-01-01", "end_date": "1972-01-01", "minimum_trades": 1}
    for raw in _STUDIES:
        request = StudyRequest.parse(common | raw)
        finish(request, prices, [compute_chunk(request, prices, 0, 1)])


def is_done() -> bool:
    """Whether this content of the sources was compiled for this processor before."""
    return _mark().exists()


def _mark() -> Path:
    """The file that says that everything is compiled."""
    package = Path(__file__).parent
    sources = sorted([*package.rglob("*_kernel.py"), package / "engine.py", Path(__file__)])
    content = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    content.update(f"{version('numba')} {version('numpy')} {_processor()}".encode())
    return jit.cache_root() / f"{content.hexdigest()[:16]}.complete"


def _processor() -> str:
    """The processor for which Numba compiles."""
    if named := os.environ.get("NUMBA_CPU_NAME"):
        return named
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return " ".join(sorted({line for line in lines if line.startswith(("model", "flags"))}))
    return os.uname().machine


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process compiles in the background at the moment."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _give_way() -> None:
    """Take the lowest priority, of the process and of its scheduling group, which a desktop's kernel weighs first."""
    os.nice(_LOWEST_PRIORITY)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_LOWEST_PRIORITY), encoding="ascii")


def in_background() -> None:
    """Compile what is missing, at the lowest priority; another process that does the same is left alone."""
    _give_way()
    with suppress(OSError), _alone(jit.cache_root()) as alone:
        if alone and not is_done():
            warm_up()
            _mark().touch()


def main() -> int:
    """Compile everything that a compiled run needs; prints how long it took."""
    if IN_BACKGROUND in sys.argv[1:]:
        in_background()
        return 0
    began = time.perf_counter()
    studies = "--kernel-only" not in sys.argv[1:]
    warm_up(studies=studies)
    if studies:
        with suppress(OSError):  # a read-only cache is as good without the mark
            _mark().touch()
    sys.stdout.write(f"compiled in {time.perf_counter() - began:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
