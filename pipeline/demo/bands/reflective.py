"""NIR and SWIR: bands of reflected light, *simulated* from a visible image.

Reflectances that the models aim at (approximate; they vary with person, dye and angle):

=============  ========  ========  ======================================================
material       0.85 µm   1.55 µm   source
=============  ========  ========  ======================================================
skin           0.55–.65  0.08–.12  Cooksey, Allen, Tsai, NIST J. Res. 122:26 (2017);
                                   Jacquez et al., J. Appl. Physiol. 8:297 (1955)
hair, black    0.10–.25  0.35–.50  melanin hardly absorbs beyond 1 µm: Jacques (1998),
                                   omlc.org skin optics; face recognition in SWIR:
                                   Bourlai et al., ICPR 2010
cotton         0.60–.85  0.55–.75  ASTER/ECOSTRESS libraries, most dyes are transparent
leaves         0.45–.55  0.25–.30  ECOSTRESS vegetation spectra
=============  ========  ========  ======================================================
"""

import numpy as np

from pipeline.demo.bands.emissive import depth
from pipeline.demo.bands.planes import Planes, blur, once, soft_step, weighted_median_level
from pipeline.demo.bands.traits import SubjectTraits
from pipeline.types import Float32

_TURNED_AWAY = 0.6
"""Share of light that skin at the very outline loses in active NIR."""


def nir_signal(planes: Planes, traits: SubjectTraits) -> Float32:
    """Simulate active NIR imaging at 0.85 µm; display values, float32 (h, w), 0 black, 1 white."""
    maps, red = planes.maps, planes.linear[..., 0]
    skin_red = _skin_red(planes)
    shade, detail = _shading(planes)
    # Melanin and haemoglobin hardly absorb: what is dark by pigment fades, form remains.
    skin = traits.nir_skin * (0.35 + 0.65 * np.clip(shade, 0.0, 1.5)) * np.clip(detail, 0.5, 1.3)
    # The lamp stands beside the lens: what turns away from it, at the head's outline, is dim.
    skin = skin * (1.0 - _TURNED_AWAY * (1.0 - depth(planes, 0.14)) ** 2)
    hair = 0.055 + 0.95 * red + 0.25 * np.clip(red - planes.linear[..., 2], 0.0, 1.0)
    brows = 0.11 + 1.0 * red
    lips = 0.85 * skin
    eyes = np.clip(0.10 + 0.95 * planes.luma / max(skin_red, 0.1) * 0.4, 0.0, 0.9)
    cloth = _cloth(planes, traits, level=0.62, spread=0.2)
    background = _background_nir(planes)
    reflectance = (
        maps["skin"] * skin
        + maps["hair"] * hair
        + maps["brows"] * brows
        + maps["lips"] * lips
        + maps["eyes"] * eyes
        + maps["glasses"] * (0.75 * planes.luma + 0.02)
        + maps["cloth"] * cloth
        + maps["background"] * background
    )
    return _display(reflectance * _lamp(planes), 0.75)


def swir_signal(planes: Planes, traits: SubjectTraits) -> Float32:
    """Simulate SWIR imaging at 1.55 µm; display values, float32 (h, w), 0 black, 1 white."""
    maps, red = planes.maps, planes.linear[..., 0]
    skin_red = _skin_red(planes)
    shade, detail = _shading(planes)
    # Water absorbs: little returns from inside the skin, so the surface's sheen shows more.
    sheen = np.clip(shade - 1.0, 0.0, 2.0)
    skin = traits.swir_skin * (0.3 + 0.7 * shade) * np.clip(detail, 0.4, 1.4) + 0.10 * sheen**2
    strands = maps["hair"] + 1e-3  # a mean over hair alone: bright skin beside it does not count
    sigma = _sigma(planes, 0.02)
    near = blur(planes.luma * strands, sigma)
    local = planes.luma / (near / blur(strands, sigma) + 0.006)
    hair = traits.swir_hair * np.clip(0.66 + 0.34 * local, 0.6, 1.2)
    hairy = np.clip(1.0 - red / max(skin_red, 0.05), 0.0, 1.0)
    brows = skin + 0.45 * traits.swir_hair * hairy
    lips = 0.8 * skin
    eyes = 0.035 + 0.05 * planes.luma / max(skin_red, 0.1)
    cloth = _cloth(planes, traits, level=0.58, spread=0.14)
    leaves = _leaves(planes)
    background = (1 - leaves) * (0.06 + 0.62 * planes.luma**0.9) + leaves * (
        0.08 + 0.55 * planes.luma
    )
    reflectance = (
        maps["skin"] * skin
        + maps["hair"] * hair
        + maps["brows"] * brows
        + maps["lips"] * lips
        + maps["eyes"] * eyes
        + maps["glasses"] * (0.8 * skin + 0.02)
        + maps["cloth"] * cloth
        + maps["background"] * background
    )
    return _display(reflectance, 1.25)


def _sigma(planes: Planes, share: float) -> float:
    return max(0.8, share * max(planes.hw))


def _face_px(planes: Planes) -> float:
    """Return the length that detail is measured by: a face's height, or a third of the image."""
    if planes.head_xyxy is None:
        return max(planes.hw) / 3
    return max(planes.head_xyxy[3] - planes.head_xyxy[1], 8.0)


@once
def _skin_red(planes: Planes) -> float:
    return weighted_median_level(planes.linear[..., 0], planes.maps["skin"], 0.35)


@once
def _shading(planes: Planes) -> tuple[Float32, Float32]:
    """Split skin's red light into form (1 at the median) and faded fine structure (about 1)."""
    relative = (planes.linear[..., 0] + 0.02) / (_skin_red(planes) + 0.02)
    sigma = max(0.8, 0.022 * _face_px(planes))
    # A mean over skin alone, so that dark hair does not reach into the forehead.
    inside = planes.maps["skin"] + 0.02
    weights = blur(inside, sigma)
    smooth = blur(relative * inside, sigma) / weights
    shade = np.power(np.clip(smooth, 0.02, 4.0), 0.62)
    detail = np.power(np.clip(relative / smooth, 0.15, 3.0), 0.6)
    return np.asarray(shade, np.float32), np.asarray(detail, np.float32)


def _cloth(planes: Planes, traits: SubjectTraits, level: float, spread: float) -> Float32:
    """Give each colour of cloth a reflectance of its own; white and its folds stay as they are."""
    dye, folds, wide, white, plain = _dyed(planes, traits.dye_phase)
    dyed = level + spread * dye / 1.5
    return np.asarray((1 - white) * dyed * folds * wide + white * plain, np.float32)


@once
def _dyed(planes: Planes, phase: tuple[float, float, float]) -> tuple[Float32, ...]:
    """Return what dye adds, fine and wide folds, whiteness, and what white cloth reflects."""
    sigma = _sigma(planes, 0.012)
    local = np.asarray(blur(planes.linear, sigma), np.float32)
    red, green, blue = np.moveaxis(np.power(np.clip(local, 1e-4, 1.0), 0.45), 2, 0)
    top = np.maximum(np.maximum(red, green), blue)
    least = np.minimum(np.minimum(red, green), blue)
    a, b, c = phase
    dye = np.sin(a + 5.0 * top) + np.sin(b + 9.0 * (red - blue)) + np.sin(c + 9.0 * (green - red))
    white = soft_step(least, 0.62, 0.82)
    luma = np.asarray(blur(planes.luma, sigma), np.float32)
    folds = np.power(np.clip((planes.luma + 0.03) / (luma + 0.03), 0.3, 2.0), 0.75)
    # Folds wider than the blur: a share of the visible lightness stays.
    wide = np.power(np.clip((luma + 0.03) / (np.power(top, 2.2) + 0.03), 0.4, 1.2), 0.5)
    plain = 0.1 + 0.72 * np.clip(planes.luma, 0.0, 1.2)
    return dye, folds, wide, white, plain


@once
def _leaves(planes: Planes) -> Float32:
    """Tell foliage by its green excess, on a slightly blurred image."""
    local = blur(planes.linear, max(1.0, _sigma(planes, 0.003)))
    red, green, blue = (local[..., c] for c in range(3))
    excess = (2 * green - red - blue) / (red + green + blue + 0.02)
    return soft_step(np.asarray(excess, np.float32), 0.08, 0.32)


def _background_nir(planes: Planes) -> Float32:
    leaves = _leaves(planes)
    red = planes.linear[..., 0]
    plain = 0.55 * red + 0.12 * planes.luma
    return np.asarray((1 - leaves) * plain + leaves * (0.30 + 1.7 * planes.luma), np.float32)


def _lamp(planes: Planes) -> Float32:
    """Return the active illumination: a wide cone about the face, weaker on what lies behind."""
    height, width = planes.hw
    head = planes.head_xyxy or (width * 0.3, 0.0, width * 0.7, height * 0.5)
    x0, y0 = (head[0] + head[2]) / 2, (head[1] + head[3]) / 2 + 0.15 * height
    reach = 0.75 * float(np.hypot(height, width))
    x = ((np.arange(width, dtype=np.float32) - x0) / reach) ** 2
    y = ((np.arange(height, dtype=np.float32) - y0) / reach) ** 2
    cone = np.exp(-0.6 * y)[:, None] * np.exp(-0.6 * x)[None, :]
    return np.asarray(cone * (1.0 - 0.55 * planes.maps["background"]), np.float32)


def _display(reflectance: Float32, gain: float) -> Float32:
    """Apply the display's gamma, so that reflectances look as photographs of the band do."""
    return np.asarray(np.power(np.clip(reflectance * gain, 0.0, 1.0), 1 / 1.9), np.float32)
