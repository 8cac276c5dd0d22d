"""Rules of installed packages: announced, described as data, and, where that is allowed, imported."""
