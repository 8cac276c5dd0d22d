"""Tools that test the running product: fault injection, load, fuzzing and benchmarks. Nothing here ships."""
