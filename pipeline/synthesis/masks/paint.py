"""The inner loops that paint a rasterised mask.

They go row by row, and in a row step by step: first what each pixel sees, then the texture there,
then the light, then the tones. Steps without look-ups are done to many pixels at once.
"""

from functools import cache

import numba
import numpy as np

from pipeline.types import Float32

BRIGHTEST = 2.0
"""Largest linear value that the tone curve takes."""
_STEPS = 4096
_KNEE = 0.72
_FAR_TEXELS = 12.0
LAYERS, ALPHA = 8, 3
"""Of a texture: as many as a processor reads at once; the fourth is alpha."""
_CARRIED = 5


@cache
def tone_curve(linear: bool) -> Float32:
    """Return display values, 0 to 255, of the square roots of ``[0, 2]``, (4096,).

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
def _mean_of_seen(four, planes, x, y, carried):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the mean of what a pixel's four fine pixels carry, (c,); return how many see the mask.

    Where the mask hides itself, what lies behind is not mixed in.
    """
    hit, taken, fine = 0, 0, 0
    carried[:] = 0.0
    while fine < 4:
        index = four[fine]
        same, sum_x, sum_y = 0, 0.0, 0.0
        # Those of one triangle that follow each other count together.
        while fine < 4 and four[fine] == index:
            sum_x += x - 0.25 + 0.5 * (fine % 2)
            sum_y += y - 0.25 + 0.5 * (fine // 2)
            same += 1
            fine += 1
        if index < 0:
            continue
        hit += same
        plane = planes[index]
        at_x = plane[0] + (plane[1] * sum_x + plane[2] * sum_y) / same
        at_y = plane[3] + (plane[4] * sum_x + plane[5] * sum_y) / same
        away = abs(at_x - carried[0] / max(taken, 1)) + abs(at_y - carried[1] / max(taken, 1))
        if taken and away > _FAR_TEXELS:
            continue
        taken += same
        for k in range(len(carried)):
            carried[k] += plane[3 * k] * same + plane[3 * k + 1] * sum_x + plane[3 * k + 2] * sum_y
    for k in range(len(carried)):
        carried[k] /= max(taken, 1)
    return hit


@numba.njit(cache=True, nogil=True, fastmath=True)
def _read(image, x, y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Read an image, float32 (n, n), between its pixels; its border goes on."""
    x = min(max(x, np.float32(0.0)), np.float32(image.shape[1] - 1.001))
    y = min(max(y, np.float32(0.0)), np.float32(image.shape[0] - 1.001))
    column, row = np.uint32(x), np.uint32(y)
    fx, fy = x - np.float32(column), y - np.float32(row)
    one, right, below = np.float32(1.0), column + np.uint32(1), row + np.uint32(1)
    upper = image[row, column] * (one - fx) + image[row, right] * fx
    lower = image[below, column] * (one - fx) + image[below, right] * fx
    return upper * (one - fy) + lower * fy


@numba.njit(cache=True, nogil=True, fastmath=True)
def paint(triangle, edges, planes, texture, shade, lit_by, tone, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Paint each pixel: shaded once, at its middle or at the mean of its fine pixels that see it.

    Args:
        triangle: int32 (h, w), which triangle each pixel sees, −1 for none.
        edges: int32 (h, w) of ``seams``, and int32 (n, 4): what the fine pixels see of those that
            have a number.
        planes: of ``planes_of``: design x, y in texels; light x, y; brightness.
        texture: float32 (s, s, 8): three of colour, alpha, slopes along u, v, hollow, 0.
        shade: float32 (n, n).
        lit_by: float32 (4,): brightness per slope along u and v, linear brightness of white and of
            the room.
        tone: float32 (4096,), of ``tone_curve``.
        out: float32 (h, w, c + 1), zeros: premultiplied colour and coverage.

    More arguments because numba takes arrays, no objects.
    """
    numbers, finer = edges
    channels = out.shape[2] - 1
    columns = np.empty(out.shape[1], np.int32)
    # Design x, y; light x, y; brightness; share of the fine pixels that see the mask.
    carried = np.empty((_CARRIED + 1, out.shape[1]), np.float32)
    read = np.empty((LAYERS, out.shape[1]), np.float32)
    side = np.float32(texture.shape[0] - 1.001)
    for y in range(out.shape[0]):
        count = _carry(triangle[y], numbers[y], finer, planes, side, y, columns, carried)
        _look_up(texture, shade, carried, count, read)
        _light(read, carried[4], lit_by, count)
        for i in range(count):
            alpha = read[ALPHA, i] * carried[5, i]
            if alpha < np.float32(1e-3):
                continue
            x = columns[i]
            for k in range(channels):
                out[y, x, k] = alpha * tone[np.uint32(read[k, i])]
            out[y, x, channels] = alpha


@numba.njit(cache=True, nogil=True, fastmath=True)
def _carry(triangle, numbers, finer, planes, side, y, columns, carried):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write what a row's pixels see, those that see the design; return how many there are.

    More arguments because numba takes arrays, no objects.
    """
    count, x, width = 0, 0, len(triangle)
    mean = np.empty(_CARRIED, np.float64)
    while x < width:
        index = triangle[x]
        if numbers[x] >= 0:
            hit = _mean_of_seen(finer[numbers[x]], planes, x, y, mean)
            if hit and 0.0 <= mean[0] <= side and 0.0 <= mean[1] <= side:
                columns[count], carried[5, count] = x, 0.25 * hit
                for k in range(_CARRIED):
                    carried[k, count] = mean[k]
                count += 1
            x += 1
            continue
        if index < 0:
            x += 1
            continue
        plane = planes[index]
        while x < width and triangle[x] == index and numbers[x] < 0:
            texel_x = plane[0] + plane[1] * x + plane[2] * y
            texel_y = plane[3] + plane[4] * x + plane[5] * y
            if 0.0 <= texel_x <= side and 0.0 <= texel_y <= side:
                columns[count], carried[5, count] = x, 1.0
                carried[0, count], carried[1, count] = texel_x, texel_y
                carried[2, count] = plane[6] + plane[7] * x + plane[8] * y
                carried[3, count] = plane[9] + plane[10] * x + plane[11] * y
                carried[4, count] = plane[12] + plane[13] * x + plane[14] * y
                count += 1
            x += 1
    return count


@numba.njit(cache=True, nogil=True, fastmath=True)
def _look_up(texture, shade, carried, count, read):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Read a row's texture between its texels; the hollow's darkness is also the face's shade."""
    one = np.float32(1.0)
    for i in range(count):
        # Without a sign, no index is looked at for being below 0.
        column, row = np.uint32(carried[0, i]), np.uint32(carried[1, i])
        fx, fy = carried[0, i] - np.float32(column), carried[1, i] - np.float32(row)
        right, below = column + np.uint32(1), row + np.uint32(1)
        w00, w01, w10, w11 = (one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy
        for k in range(LAYERS - 1):
            upper = w00 * texture[row, column, k] + w01 * texture[row, right, k]
            lower = w10 * texture[below, column, k] + w11 * texture[below, right, k]
            read[k, i] = upper + lower
        read[LAYERS - 2, i] *= _read(shade, carried[2, i], carried[3, i])


@numba.njit(cache=True, nogil=True, fastmath=True)
def _light(read, form, lit_by, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Light a row's colours, in place: they become places in the tone curve."""
    one, half, most = np.float32(1.0), np.float32(0.5), np.float32(BRIGHTEST)
    share, last = np.float32(1 / BRIGHTEST), np.float32(_STEPS - 1)
    room, white = lit_by[3], lit_by[2] - lit_by[3]
    along_u, along_v, dark = read[ALPHA + 1], read[ALPHA + 2], read[ALPHA + 3]
    for k in range(3):
        colour = read[k]
        for i in range(count):
            fold = one + along_u[i] * lit_by[0] + along_v[i] * lit_by[1]
            fold = min(max(fold, np.float32(0.45)), np.float32(1.4))
            linear = room + colour[i] * form[i] * fold * dark[i] * white
            linear = min(max(linear, np.float32(0.0)), most)
            colour[i] = np.sqrt(linear * share) * last + half
