"""Synthesis of face pictures from face pictures."""
