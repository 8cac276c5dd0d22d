"""The requests that are sent to both products, by part."""
