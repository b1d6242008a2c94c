"""The inner loop that paints a rasterised mask."""

from functools import cache

import numba
import numpy as np

from pipeline.types import Float32

BRIGHTEST = 2.0
"""Largest linear value that the tone curve takes."""
_STEPS = 1024
_KNEE = 0.72


@cache
def tone_curve(linear: bool) -> Float32:
    """Return display values, 0 to 255, of the square roots of ``[0, 2]``, (1024,).

    Args:
        linear: heat: values are display values already; otherwise light, put through a camera's
            gamma with a soft shoulder for what outshines white.
    """
    value = BRIGHTEST * (np.arange(_STEPS) / (_STEPS - 1)) ** 2
    if linear:
        return (255 * np.clip(value, 0, 1)).astype(np.float32)
    over = np.clip(value - _KNEE, 0, None) / (1 - _KNEE)
    soft = np.minimum(value, _KNEE) + (1 - _KNEE) * (1 - np.exp(-over))
    return (255 * soft ** (1 / 2.2)).astype(np.float32)


@numba.njit(cache=True, nogil=True, fastmath=True)
def paint(  # type: ignore[no-untyped-def]  # noqa: ANN201
    triangle,  # noqa: ANN001  int32 (h·k, w·k)
    weights,  # noqa: ANN001  float32 (h·k, w·k, 3)
    triangles,  # noqa: ANN001  int32 (t, 3)
    vertices,  # noqa: ANN001  float32 (v, 5): template x, y in texels; light x, y; brightness
    texture,  # noqa: ANN001  float32 (s, s, c + 4): colour, alpha, slopes along u, v, hollow
    shade,  # noqa: ANN001  float32 (n, n)
    bend,  # noqa: ANN001  float32 (2,): brightness per slope
    white,  # noqa: ANN001  float
    room,  # noqa: ANN001  float
    tone,  # noqa: ANN001  float32 (1024,)
    out,  # noqa: ANN001  float32 (h, w, c + 1): premultiplied colour and coverage, added to
):
    """Add each fine pixel's colour to the pixel it lies in."""
    factor = triangle.shape[0] // out.shape[0]
    share = np.float32(1.0 / (factor * factor))
    channels = out.shape[2] - 1
    side, light_side = texture.shape[0], shade.shape[0]
    values = np.empty(channels + 4, dtype=np.float32)
    for fine_y in range(triangle.shape[0]):
        y = fine_y // factor
        for fine_x in range(triangle.shape[1]):
            index = triangle[fine_y, fine_x]
            if index < 0:
                continue
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            wa, wb, wc = weights[fine_y, fine_x]
            tx = wa * vertices[a, 0] + wb * vertices[b, 0] + wc * vertices[c, 0]
            ty = wa * vertices[a, 1] + wb * vertices[b, 1] + wc * vertices[c, 1]
            if tx < 0.0 or ty < 0.0 or tx > side - 1.001 or ty > side - 1.001:
                continue
            x0, y0 = int(tx), int(ty)
            fx, fy = tx - x0, ty - y0
            w00, w01 = (1 - fx) * (1 - fy), fx * (1 - fy)
            w10, w11 = (1 - fx) * fy, fx * fy
            alpha = (
                w00 * texture[y0, x0, channels]
                + w01 * texture[y0, x0 + 1, channels]
                + w10 * texture[y0 + 1, x0, channels]
                + w11 * texture[y0 + 1, x0 + 1, channels]
            )
            if alpha < 1e-3:
                continue
            for k in range(channels + 4):
                values[k] = (
                    w00 * texture[y0, x0, k]
                    + w01 * texture[y0, x0 + 1, k]
                    + w10 * texture[y0 + 1, x0, k]
                    + w11 * texture[y0 + 1, x0 + 1, k]
                )
            lx = wa * vertices[a, 2] + wb * vertices[b, 2] + wc * vertices[c, 2]
            ly = wa * vertices[a, 3] + wb * vertices[b, 3] + wc * vertices[c, 3]
            lx = min(max(lx, 0.0), light_side - 1.001)
            ly = min(max(ly, 0.0), light_side - 1.001)
            x0, y0 = int(lx), int(ly)
            fx, fy = lx - x0, ly - y0
            light = (shade[y0, x0] * (1 - fx) + shade[y0, x0 + 1] * fx) * (1 - fy) + (
                shade[y0 + 1, x0] * (1 - fx) + shade[y0 + 1, x0 + 1] * fx
            ) * fy
            form = wa * vertices[a, 4] + wb * vertices[b, 4] + wc * vertices[c, 4]
            fold = 1.0 + values[channels + 1] * bend[0] + values[channels + 2] * bend[1]
            fold = min(max(fold, 0.45), 1.4) * values[channels + 3]
            lit = light * form * fold
            x = fine_x // factor
            for k in range(channels):
                linear = room + (values[k] * lit) * (white - room)
                root = np.sqrt(min(max(linear, 0.0), BRIGHTEST) / BRIGHTEST)
                place = root * (_STEPS - 1)
                step = min(int(place), _STEPS - 2)
                value = tone[step] + (place - step) * (tone[step + 1] - tone[step])
                out[y, x, k] += share * alpha * value
            out[y, x, channels] += share * alpha
