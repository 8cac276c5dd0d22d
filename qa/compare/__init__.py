"""Compares the answers of two checkouts of the product; `qa.compare_answers` is the command."""
