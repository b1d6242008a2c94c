"""What a procedural person looks like: build, skin, hair, clothes, gait; drawn by a seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.anny import macro_weights
from pipeline.demo.scenes.gait import Gait
from pipeline.demo.scenes.garments import (
    BROWS,
    EYES,
    FACE,
    HAIR,
    HAIR_STYLES,
    LIPS,
    LOWER,
    LOWERS,
    SHOES,
    SKIN,
    UPPER,
    UPPERS,
    Outfit,
)
from pipeline.rng import rng_for

_SKINS = np.array([(0.92, 0.75, 0.65), (0.80, 0.58, 0.45), (0.60, 0.40, 0.29), (0.38, 0.25, 0.19)])
_HAIRS = np.array([(0.08, 0.06, 0.05), (0.22, 0.14, 0.09), (0.45, 0.31, 0.18), (0.45, 0.44, 0.43)])
_CLOTHS = np.array(
    [
        *((0.12, 0.14, 0.20), (0.55, 0.12, 0.12), (0.16, 0.30, 0.50), (0.80, 0.78, 0.72)),
        *((0.20, 0.36, 0.22), (0.75, 0.55, 0.18), (0.40, 0.40, 0.42), (0.42, 0.24, 0.42)),
        *((0.10, 0.42, 0.45), (0.62, 0.45, 0.36), (0.88, 0.45, 0.35), (0.30, 0.22, 0.16)),
    ]
)


@dataclass(frozen=True)
class Look:
    """What is drawn at random of a person.

    Attributes:
        shape: strengths of the mesh's targets.
        outfit: clothes and hair.
        colours: RGB in [0, 1] of each material, (9, 3).
        stripes: waves per decimetre of the upper garment's stripes, 0 for none.
        gait: how the person walks.
    """

    shape: dict[str, float]
    outfit: Outfit
    colours: NDArray[np.float64]
    stripes: float
    gait: Gait


def draw_look(seed: int, subject_id: str) -> Look:
    """Draw a person's look; equal arguments give equal looks."""
    rng = rng_for(seed, f"{subject_id}/look")
    male = float(rng.random() < 0.5)
    ancestry = rng.dirichlet((0.6, 0.6, 0.6))
    shape = macro_weights(
        male=0.08 + 0.84 * male,
        age=float(rng.uniform(0.45, 0.85)),
        muscle=float(rng.uniform(0.3, 0.8)),
        weight=float(rng.uniform(0.25, 0.85)),
        height=float(rng.uniform(0.3, 0.75)),
        proportions=float(rng.uniform(0.5, 0.9)),
        **dict(zip(("african", "asian", "caucasian"), ancestry.tolist(), strict=True)),
    )
    lowers = LOWERS if male == 0.0 else LOWERS[:2]
    outfit = Outfit(
        str(rng.choice(UPPERS, p=(0.4, 0.35, 0.25))),
        str(rng.choice(lowers, p=(0.55, 0.2, 0.25) if male == 0.0 else (0.75, 0.25))),
        str(
            rng.choice(
                HAIR_STYLES, p=(0.2, 0.25, 0.5, 0.05) if male == 0.0 else (0.6, 0.2, 0.05, 0.15)
            )
        ),
    )
    skin = ancestry @ np.array([_SKINS[3], _SKINS[1] * 1.05, _SKINS[0]])
    skin = np.clip(skin * rng.uniform(0.9, 1.08), 0.0, 1.0)
    hair = _HAIRS[int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))]
    cap = outfit.hair == "cap"
    upper, lower, third = _CLOTHS[rng.permutation(len(_CLOTHS))[:3]]
    colours = np.zeros((9, 3))
    colours[[SKIN, FACE]] = skin
    colours[HAIR] = third if cap else hair
    colours[BROWS] = 0.5 * hair + 0.2 * skin
    colours[LIPS] = skin * (0.86, 0.60, 0.60)
    colours[EYES] = 0.16
    colours[UPPER], colours[LOWER] = upper, lower * 0.8
    colours[SHOES] = rng.choice(
        np.array([(0.08, 0.08, 0.09), (0.75, 0.75, 0.73), (0.3, 0.2, 0.14)])
    )
    stripes = float(rng.choice((0.0, 0.0, 0.6, 1.1))) if outfit.upper != "coat" else 0.0
    gait = Gait(*(float(rng.uniform(*span)) for span in ((20, 27), (14, 26), (4, 18), (-2, 8))))
    return Look(shape, outfit, colours, stripes, gait)
