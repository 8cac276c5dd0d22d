"""Compares output and exit codes of the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qa.compare import json_diff
from qa.compare.answers import output_differences
from qa.compare.masks import Masks
from qa.compare.report import Difference, Report, structure, text_differences
from qa.compare.tree import Output, Tree

_RUN = ("run", "--symbol", "SP500", "--start", "2006-01-03", "--end", "2010-12-31")
_MACD = (*_RUN, "--rule", "MACD")
_PRICES = b"Date,Open,High,Low,Close,Volume\n" + b"".join(
    b"2020-01-%02d,10,11,9,%d.5,100\n" % (day, 9 + day % 2) for day in range(1, 31)
)
_FILES = {"prices.csv": _PRICES, "bad.csv": b"Date,Open\n2020-01-02,x\n", "empty.csv": b""}
_BACKTEST: tuple[tuple[str, ...], ...] = (
    (),
    ("--help",),
    ("run", "--help"),
    ("import", "--help"),
    ("nothing",),
    ("rules",),
    ("symbols",),
    (*_MACD, "--json"),
    _MACD,
    (*_MACD, "--param", "fast=5", "--param", "slow=21", "--direction", "long_short", "--json"),
    (
        *_MACD,
        "--symbol",
        "NASDAQ",
        "--benchmark",
        "SP500",
        "--stop-loss-pct",
        "4",
        "--fractional",
        "yes",
        "--json",
    ),
    (*_RUN, "--rule", "EXPRESSION", "--param", "entry=close > sma(close, 50)", "--json"),
    (*_MACD, "--fill", "close", "--borrow-rate", "0.05"),
    ("run", "--rule", "MACD"),
    (*_RUN, "--rule", "MACDD"),
    (*_RUN, "--rule", "EXPRESSION", "--param", "entry=close >"),
    (*_MACD, "--param", "fast"),
    (*_MACD, "--param", "perod=5", "--fee-rate", "much", "--size-type", "none", "--direction", "up"),
    (*_MACD, "--symbol", "NOPE"),
    (*_MACD, "--benchmark", "NOPE"),
    (*_MACD, "--unknown", "1"),
    ("run", "--symbol", "SP500", "--rule", "MACD", "--start", "2010-02-30", "--end", "2009-01-01"),
    ("import", "{files}/prices.csv", "--symbol", "NEW"),
    ("symbols",),
    (
        "run",
        "--symbol",
        "NEW",
        "--rule",
        "BUY_AND_HOLD",
        "--start",
        "2020-01-01",
        "--end",
        "2020-01-31",
        "--json",
    ),
    ("import", "{files}/bad.csv", "--symbol", "BAD"),
    ("import", "{files}/empty.csv", "--symbol", "BAD"),
    ("import", "{files}/missing.csv", "--symbol", "BAD"),
    ("import", "{files}/prices.csv", "--symbol", "a b"),
)
_OTHERS = (
    ("-m", "workflows.render", "--check"),
    ("-m", "workflows.render", "--help"),
    ("-m", "store", "--help"),
    ("-m", "store", "tokens", "create", "--help"),
    ("-m", "store", "tokens", "create", "--name", "x", "--scope", "nothing"),
)
_RUN_ID = re.compile(r'(?<="run_id": ")[^"]+')


def compare(trees: Sequence[Tree], report: Report) -> None:
    """Run every command in both checkouts, in order: later ones use imported prices."""
    folders = [_written(tree) for tree in trees]
    masks = [_masks(tree) for tree in trees]
    with ThreadPoolExecutor(len(trees)) as pool:
        for command in _commands():
            filled = [[part.replace("{files}", str(folder)) for part in command] for folder in folders]
            outputs = pool.map(lambda tree, arguments: tree.run(arguments), trees, filled)
            old, new = (_masked(output, mask) for output, mask in zip(outputs, masks, strict=True))
            is_help = "--help" in command
            report.add("cli", f"python {' '.join(command)}", differences(old, new, is_help=is_help))


def _commands() -> Iterator[tuple[str, ...]]:
    yield from (("-m", "backtest", *arguments) for arguments in _BACKTEST)
    yield from _OTHERS


def differences(old: Output, new: Output, *, is_help: bool) -> Iterator[Difference]:
    """Exit codes, JSON and numbers are compared structurally; help and errors are text."""
    if old.code != new.code:
        yield structure("exit code", f"{old.code} {old.err[-200:]}", f"{new.code} {new.err[-200:]}")
    if old.out.startswith("{") and new.out.startswith("{"):
        yield from json_diff.document_differences(old.out, new.out)
    elif is_help:
        yield from text_differences("stdout", old.out, new.out)
    else:
        yield from output_differences("stdout", old.out, new.out)
    yield from text_differences("stderr", old.err, new.err)


def _written(tree: Tree) -> Path:
    """Write the files that are imported; returns their folder."""
    folder = tree.scratch / "files"
    folder.mkdir()
    for name, content in _FILES.items():
        (folder / name).write_bytes(content)
    return folder


def _masks(tree: Tree) -> Masks:
    masks = Masks()
    masks.name(str(tree.scratch), "scratch")
    masks.name(str(tree.path), "tree")
    return masks


def _masked(output: Output, masks: Masks) -> Output:
    """Mask the output; each run on the command line has a random id."""
    return Output(output.code, _RUN_ID.sub("<run id>", masks.text(output.out)), masks.text(output.err))
