"""Equations of the DMFR paper once more, slowly, in float64: a sample and a class at a time."""

import math

import numpy as np

SCALE, MARGIN = 8.0, 0.4
MOVED = {
    "softmax": lambda cosine: cosine,
    "am_softmax": lambda cosine: cosine - MARGIN,
    "arcface": lambda cosine: math.cos(math.acos(cosine) + MARGIN),  # of angles below π − m
}
"""What each loss makes of the cosine of the true class."""


def unit_rows(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def each_loss(prototypes, features, labels, *, loss="am_softmax", scales=None):
    """Losses of samples, by default CosFace's, the paper's L.

    Where samples have scales of their own, the margin is that of the common scale, in logits.
    Prototypes count as they are: a slope is of any, a loss of those of unit length.
    """
    found = []
    for at, (feature, label) in enumerate(zip(unit_rows(features), labels, strict=True)):
        cosines = [float(prototype @ feature) for prototype in prototypes]
        if scales is None:
            cosines[label] = MOVED[loss](cosines[label])
            terms = [SCALE * cosine for cosine in cosines]
        else:
            terms = [scales[at] * cosine for cosine in cosines]
            terms[label] -= SCALE * MARGIN
        found.append(math.log(sum(math.exp(term) for term in terms)) - terms[label])
    return found


def cosface(prototypes, features, labels):
    """The paper's L of a batch."""
    return sum(each_loss(prototypes, features, labels)) / len(labels)


def slope(function, at, step=1e-6):
    """Central differences of a function of an array."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        moved = at.copy()
        moved[place] += step
        high = function(moved)
        moved[place] -= 2 * step
        found[place] = (high - function(moved)) / (2 * step)
    return found


def virtual_step(prototypes, features, labels, rate):
    """w′ = norm(ŵ − α ∇_ŵ L), the gradient by differences."""
    start = unit_rows(prototypes)
    gradient = slope(lambda w: cosface(w, features, labels), start, 1e-4)
    return unit_rows(start - rate * gradient)


def meta_total(prototypes, train, test, labels, rate, weight):
    """λ L_tr(θ, w) + (1 − λ) L_te(θ, w′)."""
    moved = virtual_step(prototypes, train, labels[0], rate)
    trained = cosface(unit_rows(prototypes), train, labels[0])
    return weight * trained + (1 - weight) * cosface(moved, test, labels[1])
