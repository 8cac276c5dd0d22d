"""Breaks a running product on purpose and reports every invariant that did not hold."""
