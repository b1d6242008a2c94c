"""TRIVET: triplets across two bands."""
