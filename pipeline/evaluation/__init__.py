"""Measures of recognition: arrays in, numbers out.

Embeddings that fit into memory, scores that need not: ``compare`` two sets and ``measure`` them.
Ties never help: equal scores are accepted together, and a tie with another subject counts against
the probe.
"""
