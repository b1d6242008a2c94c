"""What a mask's material looks like in each band: a small table of *simulated* reflectances.

Approximate values of the materials masks are made of. In VIS a design's own colours count.

================  =========================  =========================  =======================
material          0.85 µm (NIR)              1.55 µm (SWIR)             3–14 µm (MWIR, LWIR)
================  =========================  =========================  =======================
polypropylene     0.75–0.85, dyes vanish     0.60–0.70                  emits; between skin and
cotton            0.60–0.85, dyes fade       0.55–0.75                  room, warm where breath
carbon-black      0.05–0.10                  0.05–0.10                  goes through
================  =========================  =========================  =======================

Sources: the ECOSTRESS spectral library (man-made textiles, cotton); M. Bialek et al. on thermal
images of masked faces (breath warms the middle of a mask by a few kelvin, its rim is coolest).
"""

from dataclasses import dataclass

from pipeline.types import Band


@dataclass(frozen=True)
class Look:
    """How a material appears in a band.

    Attributes:
        level: reflectance, 0 to 1; of an emissive band, the share of the way from the room's
            temperature to the skin's.
        contrast: share of the design's own light and dark that is left.
        fixed: whether ``level`` counts (bands beyond VIS) or the design's own colours (VIS).
    """

    level: float
    contrast: float
    fixed: bool = True


_OWN = Look(1.0, 1.0, fixed=False)

LOOKS: dict[str, dict[Band, Look]] = {
    "polypropylene": {
        Band.VIS: _OWN,
        Band.NIR: Look(0.80, 0.05),
        Band.SWIR: Look(0.65, 0.04),
        Band.MWIR: Look(0.45, 0.03),
        Band.LWIR: Look(0.40, 0.03),
    },
    "cotton": {
        Band.VIS: _OWN,
        Band.NIR: Look(0.70, 0.22),
        Band.SWIR: Look(0.58, 0.12),
        Band.MWIR: Look(0.52, 0.03),
        Band.LWIR: Look(0.48, 0.03),
    },
    "carbon_black": {
        Band.VIS: _OWN,
        Band.NIR: Look(0.08, 0.10),
        Band.SWIR: Look(0.08, 0.08),
        Band.MWIR: Look(0.50, 0.03),
        Band.LWIR: Look(0.44, 0.03),
    },
}
"""Looks by material and band."""

SKIN_REFLECTANCE: dict[Band, float] = {Band.NIR: 0.60, Band.SWIR: 0.10}
"""Of skin, nearly whoever's it is; in VIS it differs too much between people to be assumed."""
