"""The explanations of engine, metrics and rules as pages: a figure leads to its full text."""
