"""Reading finished runs: results, exports, lists and pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from qa.compare.corpus.catalogue import Catalogue
from qa.compare.corpus.submissions import NOT_SUCCEEDED, SHOWN, labels, run_id
from qa.compare.steps import Step, get

_UNKNOWN = ("00000000-0000-4000-8000-000000000000", "x", "%00", "x" * 300)
_CURVES = ("equity", "drawdown", "exposure", "benchmark", "cumulative_return", "benchmark_return")
_DERIVED = ("rolling_sharpe", "price", "trade_pnl")
_TABS = ("stats", "trades", "equity", "drawdown", "portfolio", "", "nothing")
_EXPORTS = ("trades.csv", "equity.csv", "result.json")
_FILES = ("equity.parquet", "report.html", "report.html?download=true")
_PICTURES = ("equity", "drawdown", "trades", "exposure", "nothing")
_BAD_QUERIES = ("points=1", "points=x", "points=20001", "charts=maybe", "points=-5", "points=5.5")
_FILTERS = (
    *(
        "",
        "status=SUCCEEDED",
        "status=FAILED",
        "status=CANCELLED",
        "status=RUNNING",
        "status=FAILED&status=CANCELLED",
    ),
    *(
        "status=nothing",
        "rule_type=MACD",
        "rule_type=nothing",
        "symbol=GOOG",
        "symbol=goog",
        "tag=kept",
        "tag=nothing",
    ),
    *(
        "q=macd",
        "q=%25",
        "q=%27",
        "q=" + "x" * 201,
        "q=%00",
        "starred=true",
        "starred=maybe",
        "created_to=1999-01-01",
    ),
    *(
        "created_from=1800-01-01",
        "created_from=x",
        "created_to=9999-12-31",
        "limit=1",
        "limit=200",
        "limit=201",
    ),
    *(
        "limit=0",
        "limit=x",
        "sort=nothing",
        "order=nothing",
        "after=x",
        "after=%00",
        "after=WzEsMl0",
        "unknown=1",
    ),
    *(
        "status=nothing&sort=nothing&limit=x&after=x",
        "status=SUCCEEDED&symbol=SP500&rule_type=MACD&limit=5&order=asc",
    ),
)
_NEXT = {"next": r'"next": ?"([^"]+)"'}
_NEXT_PAGE = {"next": r'href="(/runs\?[^"]*after=[^"]+)"'}


def results(catalogue: Catalogue) -> Iterator[Step]:
    """The result of every run; charts of some."""
    for label in labels(catalogue):
        yield get(f"/api/runs/{run_id(label)}", note=label)
        yield get(f"/status/{run_id(label)}?charts=false", note=label)
    for label in (*SHOWN, *NOT_SUCCEEDED):
        yield get(f"/status/{run_id(label)}", note=label)
        yield get(f"/status/{run_id(label)}?charts=false&points=50", note=label)
    yield from (get(f"/status/{run_id(SHOWN[0])}?{query}") for query in _BAD_QUERIES)
    yield from (get(f"/{path}/{run}") for path in ("status", "api/runs") for run in _UNKNOWN)
    yield from _conditional()


def _conditional() -> Iterator[Step]:
    """Conditional and compressed requests."""
    run = run_id(SHOWN[0])
    for path in (f"/status/{run}?charts=false", f"/api/runs/{run}", f"/api/runs/{run}/curves"):
        yield get(path, note="its ETag", keep={"etag": r"^etag: (.+)$"})
        yield Step("GET", path, headers={"If-None-Match": "{etag}"}, note="unchanged")
        yield Step("GET", path, headers={"If-None-Match": '"other"'}, note="changed")
        yield Step("GET", path, headers={"Accept-Encoding": "gzip"}, note="compressed")
        yield Step("HEAD", path)


def exports(catalogue: Catalogue) -> Iterator[Step]:
    """CSV and JSON exports of every run; Parquet, reports, curves and charts of some."""
    for label in labels(catalogue):
        yield from (get(f"/runs/{run_id(label)}/{name}", note=label) for name in _EXPORTS)
    for label in SHOWN:
        yield from (get(f"/runs/{run_id(label)}/{name}", note=label) for name in _FILES)
        yield from _curves(label)
    for name in (*_EXPORTS, *_FILES[:2]):
        yield from (get(f"/runs/{run}/{name}") for run in (*_UNKNOWN, run_id(NOT_SUCCEEDED[0])))


def _curves(label: str) -> Iterator[Step]:
    base = f"/api/runs/{run_id(label)}"
    for name in (*_CURVES, *_DERIVED, "nothing", ""):
        yield get(f"{base}/curves?names={name}", note=label)
    every = ",".join((*_CURVES, *_DERIVED))
    for query in (
        *(
            "points=10",
            "points=9",
            "points=x",
            "from=1199145600&to=1230768000",
            "from=x",
            "to=-1",
            "from=9999999999",
        ),
        *(
            "names=price&symbol=GOOG",
            "names=price&symbol=nothing",
            f"names={every}&points=100",
            "names=equity,nothing",
        ),
    ):
        yield get(f"{base}/curves?{query}", note=label)
    yield from (
        get(f"{base}/markers{query}", note=label) for query in ("", "?symbol=GOOG", "?symbol=nothing")
    )
    yield from (get(f"{base}/charts/{name}.png", note=label) for name in _PICTURES)


def lists(catalogue: Catalogue) -> Iterator[Step]:
    """Lists of runs with every filter, order and page, as JSON and as HTML."""
    today = datetime.now(UTC).date().isoformat()
    for query in (*_FILTERS, f"created_from={today}", f"created_to={today}&limit=3"):
        yield get(f"/api/runs?{query}")
        yield get(f"/runs?{query}", page=True)
    for sort in catalogue.sorts:
        for order in ("asc", "desc"):
            query = f"sort={sort}&order={order}&limit=7"
            yield get(f"/api/runs?{query}", keep=_NEXT)
            yield from (get("{next}", keep=_NEXT, note=f"page {page}, {query}") for page in (2, 3))
            yield get(f"/runs?{query}", page=True, keep=_NEXT_PAGE)
    for page in range(2, 5):
        yield get("{next}", page=True, keep=_NEXT_PAGE, note=f"page {page} of the last order")


def pages(catalogue: Catalogue) -> Iterator[Step]:
    """Every HTML page."""
    for path in (
        "/",
        "/runs",
        "/datasets",
        "/docs",
        "/compare",
        "/sign-in",
        "/nothing",
        f"/runs/{_UNKNOWN[0]}",
    ):
        yield get(path, page=True)
    for label in (*SHOWN, *NOT_SUCCEEDED):
        yield from (get(f"/runs/{run_id(label)}?tab={tab}", page=True, note=label) for tab in _TABS)
    yield from _trades(run_id(SHOWN[2]))
    yield from _forms(catalogue)
    yield from _comparisons()


def _trades(run: str) -> Iterator[Step]:
    for query in (
        *("page=2", "page=0", "page=x", "page=99", "sort=pnl&order=desc", "sort=nothing", "order=nothing"),
        *(
            "side=short",
            "side=nothing",
            "outcome=won",
            "outcome=lost",
            "outcome=nothing",
            "exit_reason=signal",
        ),
        "symbol=SP500&sort=bars_held",
    ):
        yield get(f"/runs/{run}?tab=trades&{query}", page=True)
    yield get(f"/runs/{run_id('three symbols, everything')}?tab=portfolio&symbol=GOOG", page=True)
    yield get(f"/runs/{run_id('three symbols, everything')}?tab=portfolio&symbol=nothing", page=True)


def _forms(catalogue: Catalogue) -> Iterator[Step]:
    """The form, prefilled from a run, a preset, or the query string."""
    for rule in (*catalogue.rules, "nothing"):
        yield get(f"/?rule_type={rule}", page=True)
        yield get(f"/fragments/params?rule_type={rule}&params.period=9", page=True)
    for query in (
        *(
            f"run={run_id(SHOWN[3])}",
            f"run={_UNKNOWN[0]}",
            "preset=1",
            "preset=99",
            "preset=x",
            "symbols=GOOG&fee_rate=1",
        ),
        *(
            f"from={run_id(SHOWN[3])}",
            f"run={run_id(SHOWN[1])}&rule_type=RSI",
            "unknown=1&start_date=%3Cb%3E",
        ),
    ):
        yield get(f"/?{query}", page=True)


def _comparisons() -> Iterator[Step]:
    some = [f"run={run_id(label)}" for label in SHOWN]
    many = some + [f"run={run_id(f'MACD on {symbol}')}" for symbol in ("SP500", "NASDAQ", "GOOG")] * 2
    others = [f"run={run_id(f'RSI on {symbol}')}" for symbol in ("SP500", "NASDAQ", "GOOG")]
    for runs in (
        some[:1],
        some[:2],
        some[:2] * 2,
        [*many, *others],
        [some[0], f"run={run_id(NOT_SUCCEEDED[0])}"],
    ):
        yield get(f"/compare?{'&'.join(runs)}", page=True)
    yield get(f"/compare?{'&'.join(some[:3])}&differences=true", page=True)
    yield from (get(f"/compare?run={run}", page=True) for run in (_UNKNOWN[0], "x"))
    yield get(f"/compare?run={_UNKNOWN[0]}")
