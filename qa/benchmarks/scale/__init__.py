"""The database at the size of years of use: query plans, and latencies under many pollers."""
