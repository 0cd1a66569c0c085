"""Reading orders of the past from files: every row is used, or rejected with its reason."""
