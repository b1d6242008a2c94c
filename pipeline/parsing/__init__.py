"""Face parsing: label maps of 19 classes, and the four facial parts cut from them.

The network, ``pipeline.parsing.bisenet``, is imported by its own name: it brings torch, which
whoever only cuts parts does not need.
"""
