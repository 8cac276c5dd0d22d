"""Our engine beside its peers: the same work, in one run, with a check that all of them traded alike."""
