"""Bad input in numbers against the real application."""
