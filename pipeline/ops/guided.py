"""The fast guided filter with a colour guide: soft maps take over an image's edges."""

import cv2
import numpy as np

from pipeline.types import Float32


def guided_upsample(
    maps: Float32, small_guide: Float32, guide: Float32, radius_px: int, epsilon: float
) -> Float32:
    """Refine coarse maps along the edges of an image and bring them to its resolution.

    Each map is modelled as affine in the guide's colour within a window; the coefficients are found
    at the coarse resolution and upsampled. A set of maps that sums to 1 still sums to 1.

    Args:
        maps: float32 (n, h, w).
        small_guide: float32 (h, w, 3), in [0, 1].
        guide: float32 (H, W, 3), the same image at full resolution.
        radius_px: half the window's side, coarse pixels.
        epsilon: regularisation, squared units of the guide: contrasts below its root do not count.

    Returns:
        float32 (n, H, W), not clipped.

    Reference:
        K. He, J. Sun, X. Tang, Guided image filtering, PAMI 35(6), 2013, equations 19–21;
        K. He, J. Sun, Fast guided filter, arXiv:1505.00996.
    """
    side = 2 * radius_px + 1

    def mean(image: Float32) -> Float32:
        return np.asarray(
            cv2.blur(image, (side, side), borderType=cv2.BORDER_REFLECT_101), np.float32
        )

    centre = mean(small_guide)
    red, green, blue = (small_guide[..., c] for c in range(3))
    products = mean(np.stack([red * red, red * green, red * blue], axis=-1))
    others = mean(np.stack([green * green, green * blue, blue * blue], axis=-1))
    m0, m1, m2 = (centre[..., c] for c in range(3))
    rr, rg, rb = (products[..., c] - m0 * m for c, m in enumerate((m0, m1, m2)))
    gg, gb = others[..., 0] - m1 * m1, others[..., 1] - m1 * m2
    bb = others[..., 2] - m2 * m2
    rr, gg, bb = rr + epsilon, gg + epsilon, bb + epsilon
    # The inverse of a symmetric 3 × 3 matrix by its cofactors, for all pixels at once.
    i00, i01, i02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    i11, i12, i22 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = rr * i00 + rg * i01 + rb * i02
    height, width = guide.shape[:2]
    channels = cv2.split(guide)
    refined = np.empty((len(maps), height, width), dtype=np.float32)
    for index, coarse in enumerate(maps):
        level = mean(coarse)
        c = mean(small_guide * coarse[..., None]) - centre * level[..., None]
        c0, c1, c2 = c[..., 0], c[..., 1], c[..., 2]
        slopes = [
            (i00 * c0 + i01 * c1 + i02 * c2) / determinant,
            (i01 * c0 + i11 * c1 + i12 * c2) / determinant,
            (i02 * c0 + i12 * c1 + i22 * c2) / determinant,
        ]
        offset = level - slopes[0] * m0 - slopes[1] * m1 - slopes[2] * m2
        cv2.resize(mean(offset), (width, height), dst=refined[index])
        for slope, channel in zip(slopes, channels, strict=True):
            refined[index] += channel * cv2.resize(mean(slope), (width, height))
    return refined
