"""ADFL: features that do not tell their band."""
