"""PRAM: part relation attention."""
