"""Formulas that nest, loop, allocate or reach for what they must not have."""

from __future__ import annotations

from hypothesis import strategies as st

HOSTILE = (
    "__import__('os').system('id')", "().__class__.__bases__", "close.__class__", "close.shape", "open('/etc/passwd')",
    "eval('1')", "lambda: 1", "[close for close in close]", "close[0]", "close[-1]", "{close}", "f'{close}'",
    "while true", "for i in close", "close; import os", "close := 1", "close = 1", "close\nimport os", "@close",
    "close if close else close", "sma(close, 10**9) > 1", "sma(close, 999999999) > close", "sma(close, -1) > 1",
    "sma(close, 0) > 1", "sma(close, 1e400) > 1", "sma(close) > 1", "sma() > 1", "sma(close, close) > 1",
    "shift(close, -1) > close", "shift(close, 1e9) > 1", "9**9**9 > close", "2**2**2**2**2**2 > 1", "close ** 99999 > 1",
    "1e308 * 1e308 * close > 1", "close / 0 > 1 and", "close >", "> close", "close > > 1", "()", "", " ", "\x00",
    "close > 1\x00", "clоse > 1", "close > 1", "close > 1 # comment", "/* close */", "close > 0x10",
    "close > 1_000", "close > ١", "not not not", "and", "or", "true true", "close close", "sma(close, 5",
    "sma(close, 5)) > 1", "'close' > 1", '"close" > 1', "`id`", "$(id)", "{{7*7}}", "<script>alert(1)</script>",
    "close > 1;", "close > 1, close > 2", "nan > 1", "inf > close", "close == close == ", "globals()", "vars", "self",
    "params.fast > 1", "close.open > 1", "sma.__call__(close, 5) > 1", "getattr(close, 'x')", "exec('1')",
)  # fmt: skip
BOUNDLESS = (
    "(" * 5_000 + "close" + ")" * 5_000, "-" * 10_000 + "close > 1", "not " * 5_000 + "true",
    "sma(" * 1_000 + "close" + ", 2)" * 1_000,
    " and ".join(["close > 1"] * 500), " + ".join(["close"] * 600) + " > 1", "(" * 60 + "close" + ")" * 60 + " > 1",
    " or ".join(f"sma(close, {n}) > 1" for n in range(2, 60)), "9" * 100_000 + " > close", "a" * 100_000 + " > 1",
    " " * 1_000_000, "close > 1" + "\n" * 100_000,
)  # fmt: skip
_PIECES = (
    "close", "open", "high", "volume", "sma(", "rsi(", "shift(", "within(", "crosses_above(", "(", ")", ",", ">", "<=",
    "==", "!=", "+", "-", "*", "/", "**", "and", "or", "not", "1", "0", "-1", "1e400", "5000", ".",
    "__class__", "'", '"', "\n", "\x00", "é", "true",
)  # fmt: skip
FORMULAS = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=25).map(" ".join) | st.text(max_size=60)
DEAREST = " or ".join(f"sma(close, {1_000 + number}) < stddev(close, {900 + number})" for number in range(20))
"""About the most that a formula may ask for: forty different calls."""
