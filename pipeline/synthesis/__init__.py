"""Synthesis of face images from face images."""
