"""One module for each engine; loading one loads no other."""
