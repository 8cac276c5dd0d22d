"""Takes every picture of docs/screenshots.md from the running product: `make screenshots`."""

import io
import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from qa import upload_states
from qa.browser import chromium
from qa.examples import MINIMAL
from qa.harness.environment import app_running
from qa.harness.processes import ROOT, wait_until

FOLDER = ROOT / "docs" / "screenshots"
SIZES = {
    "desktop": {"width": 1440, "height": 900},
    "wide": {"width": 1920, "height": 1080},
    "phone": {"width": 390, "height": 844},
}
STUDY_FORM = "/#study-options"
PAGES = {
    "submit": ("/", "The form, filled with an example"),
    "formula": ("/?run={formula}", "A run to be changed and run again: the rule is a formula"),
    "watch": ("/runs/{waiting}", "A run that waits: where it stands, and the way to stop it"),
    "run": ("/runs/{run}", "A result: metrics, warnings, equity and drawdown, every metric with its formula"),
    "trades": (
        "/runs/{run}?tab=trades",
        "Trades: at their price, sorted, filtered, with costs and exit reasons",
    ),
    "trade": ("/runs/{run}/trades/3", "One trade: what was known when it began and ended"),
    "returns": ("/runs/{run}?tab=returns", "Returns: by month, by year and how they are spread"),
    "risk": ("/runs/{run}?tab=risk", "Risk: drawdown and the worst of it"),
    "robustness": ("/runs/{run}?tab=robustness", "Robustness: what of the result survives"),
    "settings": ("/runs/{run}?tab=settings", "Settings: what was run, and what repeats it"),
    "no-trades": ("/runs/{empty}", "No trades, and why"),
    "runs": ("/runs", "Runs"),
    "compare": ("/compare?run={run}&run={other}&run={formula}&differences=true", "Three runs side by side"),
    "report": ("/runs/{run}/report.html", "Report as one HTML file"),
    "study-form": (STUDY_FORM, "A study: two numbers of the form as ranges, and its options"),
    "studies": ("/studies", "Studies"),
    "study": ("/studies/{sweep}", "A study: every pair of averages, and what the best one is worth"),
    "small-heatmaps": (
        "/studies/{three}?scale=holding",
        "Three inputs: a heatmap for each value of the third",
    ),
    "trials": ("/studies/{three}?tab=trials", "Trials: sorted, filtered, compared"),
    "parameters": ("/studies/{three}?tab=parameters", "Parameters: what each input does"),
    "overfitting": ("/studies/{sweep}?tab=overfitting", "Overfitting: skill or luck"),
    "walk-forward": (
        "/studies/{walk}?tab=walk-forward",
        "Walk-forward: settings chosen before, traded after",
    ),
    "ledger": ("/ledger", "Ledger: everything that was tried"),
    "datasets": ("/datasets", "Prices"),
    "dataset": ("/datasets/{data}", "A dataset: its prices, its data-quality report, its bars"),
    **{name: ("/datasets", title) for name, title in upload_states.TITLES.items()},
    "engine": ("/docs/engine", "How orders are filled: one of the documents that a result leads to"),
    "api": ("/docs", "The interface"),
    "error": ("/runs/unknown", "An error"),
}
ARGO_UI = {
    "argo-form": "The Argo UI: the form of a quick run",
    "argo-workflow": "The Argo UI: a run that SUCCEEDED, and the button that opens its page",
    "argo-outputs": "The Argo UI: its figures among the outputs",
    "argo-list": "The Argo UI: the list, with a mistake as the message of its workflow",
}
"""Taken by `make e2e` on a real cluster, on a desktop alone."""
FAST, SLOW = "params.fast", "params.slow"
SPACES = {
    "sweep": {"space": {FAST: {"from": 2, "to": 50, "step": 1}, SLOW: {"from": 20, "to": 200, "step": 5}},
              "holdout_pct": 20},
    "three": {"space": {FAST: [5, 10, 15, 20, 30, 40], SLOW: {"from": 50, "to": 200, "step": 10},
                        "stop_loss_pct": [None, 5, 10, 20]}},
    "walk": {"space": {FAST: [5, 10, 20, 40], SLOW: [50, 100, 150, 200]}, "minimum_trades": 1,
             "walk_forward": {"train_bars": 500, "test_bars": 125}},
}  # fmt: skip
WAITING = "watch"
VIEWS: tuple[tuple[str, Literal["light", "dark"]], ...] = (
    ("desktop", "light"),
    ("desktop", "dark"),
    ("wide", "light"),
    ("phone", "light"),
    ("phone", "dark"),
)
COLOURS, EXACT = 192, 16
"""Of a picture as it is kept, and how many of them are the most frequent ones as they are: surfaces stay true."""
OTHERS = (
    MINIMAL | {"params": {"fast": 20, "slow": 100}},
    MINIMAL | {"rule_type": "RSI", "params": {}, "stop_loss_pct": 8},
    MINIMAL | {"symbols": ["GOOG"], "start_date": "2005-01-03", "end_date": "2012-12-31"},
)

FORMULA = MINIMAL | {
    "rule_type": "EXPRESSION", "start_date": "1999-01-04", "direction": "long_short", "stop_loss_pct": 8,
    "params": {
        "entry": "close > sma(close, 200) and rsi(close, 4) < 30",
        "exit": "rsi(close, 4) > 60",
        "short_entry": "close < sma(close, 200) and rsi(close, 4) > 80",
        "short_exit": "rsi(close, 4) < 40",
    },
}  # fmt: skip


def main() -> int:
    """Start the product, fill it, photograph it, write the page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for former in FOLDER.glob("*.png"):
        if not former.name.startswith(tuple(ARGO_UI)):
            former.unlink()
    with (
        tempfile.TemporaryDirectory() as folder,
        app_running(Path(folder)) as address,
        chromium() as browser,
    ):
        places = fill(address)
        for view, theme in VIEWS:
            photograph(browser, address, places, view, theme)
        photograph_waiting(browser, address)
    write_page()
    return 0


def fill(address: str) -> dict[str, str]:
    """Submit runs worth looking at; the parts of the paths."""
    for request in OTHERS:
        submit(address, request)
    other = submit(address, OTHERS[0] | {"slippage_bps": 2})
    empty = submit(address, MINIMAL | {"initial_capital": 100})
    formula = submit(address, FORMULA)
    run = submit(address, MINIMAL)
    if not wait_until(lambda: is_robust(address, run["run_id"])):
        raise RuntimeError(f"what survives of run {run['run_id']} was not computed")
    annotated = {"name": "The example", "tags": ["keeper", "ten years"], "starred": True,
                 "notes": "Beaten by holding; half the drawdown."}  # fmt: skip
    call(f"{address}/api/runs/{run['run_id']}", annotated, method="PATCH")
    studies = {name: study(address, space) for name, space in SPACES.items()}
    return {
        **studies,
        "run": run["run_id"],
        "other": other["run_id"],
        "empty": empty["run_id"],
        "formula": formula["run_id"],
        "data": run["data_hash"],
    }


def is_robust(address: str, run_id: str) -> bool:
    """Whether it was computed what of a run's result survives."""
    found = call(f"{address}/api/runs/{run_id}/robustness")
    return bool(found["status"] == "SUCCEEDED")


def study(address: str, space: dict) -> str:
    """Submit a study of the example and wait for the end; its id."""
    request = {name: value for name, value in MINIMAL.items() if name != "params"} | space
    study_id = call(f"{address}/run_study", request)["study_id"]
    if not wait_until(lambda: call(f"{address}/api/studies/{study_id}")["completed_at"]):
        raise RuntimeError(f"study {study_id} did not end")
    return study_id


def as_study(page: Page) -> None:
    """Turn two numbers of the form into ranges and open the options."""
    for name in (FAST, SLOW):
        page.locator(f"[data-field='{name}']").get_by_role("button").click()
    page.locator("#study-options summary").click()
    page.get_by_role("button", name="Run study (").wait_for()


def queue(address: str) -> str:
    """Submit so many runs that the last of them waits for a while; its id."""
    sizes = range(10, 100, 2)
    return [call(f"{address}/run_backtest", MINIMAL | {"size": size})["run_id"] for size in sizes][-1]


def submit(address: str, request: dict) -> dict:
    """Submit and wait for the end."""
    return wait(address, call(f"{address}/run_backtest", request)["run_id"])


def wait(address: str, run_id: str) -> dict:
    """The run once it has ended."""
    if not wait_until(lambda: call(f"{address}/api/runs/{run_id}")["completed_at"]):
        raise RuntimeError(f"run {run_id} did not end")
    return call(f"{address}/api/runs/{run_id}")


def call(address: str, body: dict | None = None, *, method: str | None = None) -> dict:
    """One request, as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.loads(answer.read() or "{}")


def photograph(browser: Browser, address: str, places: dict[str, str], view: str, theme: str) -> None:
    """Every page but that of a waiting run in one size and theme."""
    context = browser.new_context(base_url=address, viewport=SIZES[view], color_scheme=theme)
    page = context.new_page()
    for name, (path, _) in PAGES.items():
        if name == WAITING:
            continue
        page.goto(path.format(**places))
        if path == STUDY_FORM:
            as_study(page)
        if name == "formula":
            page.wait_for_selector("#f-params-short_exit-preview")
        for figure in page.query_selector_all("figure.chart"):
            figure.wait_for_selector("xpath=self::*[@data-ready]", timeout=120_000)
        if name in upload_states.STATES:
            upload_states.show(page, name)
        page.evaluate("scrollTo(0, 0)")  # a sticky bar belongs above
        page.wait_for_timeout(250)
        keep(page.screenshot(full_page=True), name, view, theme)
    context.close()


def photograph_waiting(browser: Browser, address: str) -> None:
    """The page of a waiting run in every size and theme, while it waits."""
    opened = [
        (browser.new_page(base_url=address, viewport=SIZES[view], color_scheme=theme), view, theme)
        for view, theme in VIEWS
    ]
    path, _ = PAGES[WAITING]
    waiting = queue(address)
    for page, view, theme in opened:
        page.goto(path.format(waiting=waiting))
        keep(page.screenshot(full_page=True), WAITING, view, theme)
        page.close()


def keep(picture: bytes, name: str, view: str, theme: str) -> None:
    """Write a picture with few colours."""
    path = FOLDER / f"{name}-{view}-{theme}.png"
    with_few_colours(Image.open(io.BytesIO(picture)).convert("RGB")).save(path, optimize=True)


def with_few_colours(whole: Image.Image) -> Image.Image:
    """The picture on a palette: its most frequent colours, and of the others those that cover them best.

    Pillow maps to a palette of one's own coarsely, so each colour's nearest one is found here.
    """
    covering = whole.quantize(COLOURS - EXACT, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    codes = np.asarray(whole).reshape(-1, 3).astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    found, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    frequent = colours[np.argsort(-counts)[:EXACT]]
    palette = np.vstack([frequent, np.array(covering.getpalette()).reshape(-1, 3)])
    nearest = ((colours[:, None] - palette) ** 2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    picture = Image.frombytes("P", whole.size, nearest[places].tobytes())
    picture.putpalette(palette.astype(np.uint8).tobytes())
    return picture


def write_page() -> None:
    """docs/screenshots.md."""
    lines = [
        "# Screenshots",
        "",
        "Made from the running product by `make screenshots`, those of the Argo UI by `make e2e`.",
        "",
    ]
    for name, (_, title) in PAGES.items():
        lines += [f"## {title}", ""]
        lines += [f"![{title}, on a desktop](screenshots/{name}-desktop-light.png)", ""]
        dark, phone = f"screenshots/{name}-desktop-dark.png", f"screenshots/{name}-phone-light.png"
        wide, both = f"screenshots/{name}-wide-light.png", f"screenshots/{name}-phone-dark.png"
        lines += [f"[In the dark]({dark}) · [1920 wide]({wide}) · [on a phone]({phone}), [dark]({both})", ""]
    for name, title in ARGO_UI.items():
        lines += [f"## {title}", "", f"![{title}](screenshots/{name}-desktop-light.png)", ""]
    (ROOT / "docs" / "screenshots.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
