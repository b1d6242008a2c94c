"""Batches of real and synthetic samples in a ratio, as DMFR and its baselines draw them.

Each drawing is a list of index arrays, one a role; roles are never mixed, so a method knows what
each sample is there for.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import StageError
from pipeline.training.data.domains import REAL, Domains
from pipeline.types import Int64


class DomainSampler:
    """Draws real samples, then synthetic ones; subjects of a domain have equal chances.

    Args:
        domains: of the samples.
        real: real samples in a batch.
        synthetic: synthetic ones.

    Raises:
        StageError: there is nothing to draw from.
    """

    roles: tuple[str, ...] = ("real", "synthetic")

    def __init__(self, domains: Domains, real: int, synthetic: int) -> None:
        self.domains, self.real, self.synthetic = domains, real, synthetic
        names = (REAL, *domains.names)
        self._subjects = {name: domains.index.subjects_in([name]) for name in names}
        if not len(self._subjects[REAL]):
            raise StageError(
                "no real sample to train on: expected some of the train split; check the band"
            )
        if synthetic and not domains.names:
            raise StageError(
                f"the ratio asks for {synthetic} synthetic samples beside {real} real ones, but "
                "there are none: expected rows of `poses` or `degrade` of the training's faces; "
                "run these stages, name their generators, or set ratio to [1, 0]"
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many samples of a batch each role has."""
        return self.real, self.synthetic

    def draw(self, rng: np.random.Generator) -> list[Int64]:
        """Return the indices of each role."""
        return [
            self.of_domains(rng, [REAL], self.real),
            self.of_domains(rng, self.domains.names, self.synthetic),
        ]

    def of_domains(self, rng: np.random.Generator, names: Sequence[str], count: int) -> Int64:
        """Draw samples of some domains, each with equal chances, int64 (count,)."""
        if not count:
            return np.empty(0, np.int64)
        chosen = rng.integers(0, len(names), count)
        chances = rng.random(count)
        drawn = [names[place] for place in chosen.tolist()]
        subjects = np.array(
            [
                self._subjects[name][int(chance * len(self._subjects[name]))]
                for name, chance in zip(drawn, chances.tolist(), strict=True)
            ]
        )
        return self.domains.index.draw(rng, subjects, drawn)


class MetaSampler(DomainSampler):
    """Leaves one generative domain, drawn for each batch, to meta-test; all others train.

    Args:
        domains: of the samples, two generative ones or more.
        real: real samples in a batch, all of meta-train.
        synthetic: synthetic ones, meta-test's included.
        tested: of these in meta-test.

    Raises:
        StageError: there are fewer than two generative domains.
    """

    roles = ("real", "synthetic", "tested")

    def __init__(self, domains: Domains, real: int, synthetic: int, tested: int) -> None:
        super().__init__(domains, real, synthetic)
        self.tested = tested
        if len(domains.names) < 2:
            raise StageError(
                f"{list(domains.names)} is the only generative domain, but meta-learning trains "
                "on some and tests on another: expected two or more; name another generator, add "
                "yaw_edges_deg, or set halves to true, which splits it in two"
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many samples of a batch each role has."""
        return self.real, self.synthetic - self.tested, self.tested

    def draw(self, rng: np.random.Generator) -> list[Int64]:
        """Return the indices of real and synthetic samples of meta-train, and of meta-test."""
        left_out = self.domains.names[int(rng.integers(len(self.domains.names)))]
        others = [name for name in self.domains.names if name != left_out]
        return [
            self.of_domains(rng, [REAL], self.real),
            self.of_domains(rng, others, self.sizes[1]),
            self.of_domains(rng, [left_out], self.tested),
        ]


class PairedSampler(DomainSampler):
    """Puts pairs with Δc = 0 first among the real and the synthetic samples of a batch.

    Their subjects have equal chances, too.

    Args:
        domains: of the samples, with pairs.
        real: real samples in a batch, those of pairs included.
        synthetic: synthetic ones, likewise.
        paired: pairs.

    Raises:
        StageError: there are no pairs.
    """

    roles = ("paired_real", "real", "paired_synthetic", "synthetic")

    def __init__(self, domains: Domains, real: int, synthetic: int, paired: int) -> None:
        super().__init__(domains, real, synthetic)
        self.paired = paired
        labels = domains.labels[domains.pairs[0]]
        order = np.argsort(labels, kind="stable")
        self._pairs = domains.pairs[:, order]
        _, self._starts, self._counts = np.unique(
            labels[order], return_index=True, return_counts=True
        )
        if not domains.pairs.shape[1]:
            raise StageError(
                "no face was turned by 0 degrees, but the filter learns from pairs of a face and "
                "the same face redrawn: expected rows with Δc = 0; add 0.0 to poses.yaw_deg and "
                "poses.pitch_deg, and name the generator head_mesh"
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many samples of a batch each role has."""
        paired = self.paired
        return paired, self.real - paired, paired, self.synthetic - paired

    def draw(self, rng: np.random.Generator) -> list[Int64]:
        """Return the indices of paired and other real samples, then of paired and other made."""
        subjects = rng.integers(0, len(self._starts), self.paired)
        within = rng.random(self.paired) * self._counts[subjects]
        real, made = self._pairs[:, self._starts[subjects] + within.astype(np.int64)]
        return [
            real,
            self.of_domains(rng, [REAL], self.sizes[1]),
            made,
            self.of_domains(rng, self.domains.names, self.sizes[3]),
        ]
