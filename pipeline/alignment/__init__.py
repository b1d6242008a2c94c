"""Alignment: the faces of an image that count, each warped once into a template."""
