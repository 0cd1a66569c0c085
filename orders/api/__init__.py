"""The order API, version 1: additive changes only."""
