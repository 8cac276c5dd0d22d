"""Independent engines asked for their opinion: each turns the same wishes into a ledger in its own way."""
