"""Seeds that depend on what is made, never on who makes it or in which order."""

import hashlib

import numpy as np


def seed_for(stage_seed: int, key: str) -> int:
    """Derive the seed of one sample.

    Args:
        stage_seed: the stage's own seed from ``params.yaml``.
        key: what the randomness belongs to: a ``sample_id``, a subject, ``f"{subject}/veins"``.

    Returns:
        A 63-bit seed; equal arguments give equal seeds on every machine.
    """
    digest = hashlib.blake2b(f"{stage_seed}/{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def rng_for(stage_seed: int, key: str) -> np.random.Generator:
    """Return what draws the randomness of one sample (see ``seed_for``)."""
    return np.random.default_rng(seed_for(stage_seed, key))
