"""What studies cost."""
