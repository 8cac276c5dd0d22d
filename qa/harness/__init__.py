"""What starts the product, a private MySQL and processes for tests, chaos, load and benchmarks alike."""
