"""Independent engines asked for their opinion: each turns the same targets into a ledger in its own way."""
