"""Many clients at once, many runs through one worker, and replicas that are replaced under load."""
