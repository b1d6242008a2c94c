"""ICC profiles: images of other colour spaces than sRGB are converted to it."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_ALIKE = 3
"""Largest difference to sRGB, of 255, up to which a profile counts as sRGB's own."""
_STEPS = 9


def converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return an image as sRGB sees it, or None where nothing is to be converted.

    A profile that can't be read, is of another kind than the image, or is sRGB's own changes
    nothing; nor does any that of grey.

    Args:
        image: of any mode; a palette's colours are converted, and opacity is kept.
        profile: its ICC profile.
    """
    if image.mode not in ("RGB", "CMYK", "RGBA", "P") or not profile:
        return None
    colour = "CMYK" if image.mode == "CMYK" else "RGB"
    transform = _transform(profile, colour)
    if transform is None:
        return None
    seen = ImageCms.applyTransform(image.convert(colour), transform)
    if seen and (image.mode == "RGBA" or "transparency" in image.info):
        seen.putalpha(image.convert("RGBA").getchannel("A"))
    return seen


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        transform = ImageCms.buildTransform(
            io.BytesIO(profile), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if mode == "CMYK":
        return transform
    lattice = _lattice()
    seen = np.asarray(ImageCms.applyTransform(lattice, transform), int)
    same = np.abs(seen - np.asarray(lattice, int)).max() <= _ALIKE
    return None if same else transform


def _lattice() -> Image.Image:
    """Return an image of colours spread over the whole cube."""
    steps = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1)
    return Image.fromarray(colours.reshape(_STEPS, -1, 3))
