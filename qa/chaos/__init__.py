"""Breaks a running product on purpose, and counts what was lost."""
