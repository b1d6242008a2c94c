"""The inner loops that paint a rasterised mask and round it."""

from functools import cache

import numba
import numpy as np

from pipeline.types import Float32

BRIGHTEST = 2.0
"""Largest linear value that the tone curve takes."""
_STEPS = 1024
_KNEE = 0.72
_FAR_TEXELS = 12.0
OVERSAMPLE = 2
"""Fine pixels to a pixel each way: the mask is rasterised in these."""
LAYERS, _ALPHA = 8, 3
"""Of a texture: as many as a processor reads at once; the fourth is alpha."""
_CARRIED = 5
_RED, _GREEN, _BLUE = np.float32(0.299), np.float32(0.587), np.float32(0.114)


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


@numba.njit(cache=True, nogil=True)
def planes_of(xyz, triangles, vertices):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return what each triangle carries as planes over the pixels.

    Args:
        xyz: float32 (v, 3), corners, pixels; taken at 1/256 of a pixel as the rasteriser does.
        triangles: int32 (t, 3).
        vertices: float32 (v, c), what the corners carry.

    Returns:
        float64 (t, 3 · c): value at (0, 0) and slopes along x and y of each; 0 of what has no area.
    """
    count = vertices.shape[1]
    planes = np.zeros((len(triangles), 3 * count), np.float64)
    scale = 256.0
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ax, ay = np.rint(xyz[a, 0] * scale) / scale, np.rint(xyz[a, 1] * scale) / scale
        bx, by = np.rint(xyz[b, 0] * scale) / scale - ax, np.rint(xyz[b, 1] * scale) / scale - ay
        cx, cy = np.rint(xyz[c, 0] * scale) / scale - ax, np.rint(xyz[c, 1] * scale) / scale - ay
        area = bx * cy - by * cx
        if area == 0.0:
            continue
        share = 1.0 / area
        for k in range(count):
            first = np.float64(vertices[a, k])
            second, third = vertices[b, k] - first, vertices[c, k] - first
            along_x = (second * cy - third * by) * share
            along_y = (third * bx - second * cx) * share
            planes[index, 3 * k] = first - along_x * ax - along_y * ay
            planes[index, 3 * k + 1] = along_x
            planes[index, 3 * k + 2] = along_y
    return planes


@numba.njit(cache=True, nogil=True, fastmath=True)
def _mean_of_four(four, planes, y, x, carried):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the mean of what four fine pixels carry; say whether all see the same part of it."""
    carried[:] = 0.0
    low_x, high_x, low_y, high_y = np.inf, -np.inf, np.inf, -np.inf
    for fine in range(4):
        if four[fine] < 0:
            return False
        plane = planes[np.uint32(four[fine])]
        at_x, at_y = 2.0 * x + (fine & 1), 2.0 * y + (fine >> 1)
        for k in range(_CARRIED):
            carried[k] += 0.25 * (plane[3 * k] + plane[3 * k + 1] * at_x + plane[3 * k + 2] * at_y)
        texel_x = plane[0] + plane[1] * at_x + plane[2] * at_y
        texel_y = plane[3] + plane[4] * at_x + plane[5] * at_y
        low_x, high_x = min(low_x, texel_x), max(high_x, texel_x)
        low_y, high_y = min(low_y, texel_y), max(high_y, texel_y)
    return high_x - low_x + high_y - low_y <= _FAR_TEXELS


@numba.njit(cache=True, nogil=True, fastmath=True)
def _mean_of_near(four, planes, y, x, carried):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
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
            sum_x += 2 * x + fine % 2
            sum_y += 2 * y + fine // 2
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
    column, row = int(x), int(y)
    fx, fy = x - np.float32(column), y - np.float32(row)
    one = np.float32(1.0)
    upper = image[row, column] * (one - fx) + image[row, column + 1] * fx
    lower = image[row + 1, column] * (one - fx) + image[row + 1, column + 1] * fx
    return upper * (one - fy) + lower * fy


@numba.njit(cache=True, nogil=True, fastmath=True)
def paint(triangle, planes, texture, shade, bend, levels, tone, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Paint each pixel: shaded once, at the mean of its fine pixels, weighed by their number.

    Args:
        triangle: int32 (2 · h, 2 · w), which triangle each fine pixel sees, −1 for none.
        planes: of ``planes_of``: design x, y in texels; light x, y; brightness.
        texture: float32 (s, s, 8): three of colour, alpha, slopes along u, v, hollow, 0.
        shade: float32 (n, n).
        bend: float32 (2,), brightness per slope.
        levels: float32 (2,), linear brightness of white and of the room.
        tone: float32 (1024,), of ``tone_curve``.
        out: float32 (h, w, c + 1), zeros: premultiplied colour and coverage.

    More arguments because numba takes arrays, no objects; more lines because a pixel's values never
    leave the registers.
    """
    channels = out.shape[2] - 1
    last = np.float32(texture.shape[0] - 1.001)
    values, carried = np.empty(LAYERS, dtype=np.float32), np.empty(_CARRIED, dtype=np.float64)
    one, white, room = np.float32(1.0), levels[0] - levels[1], levels[1]
    for y in range(out.shape[0]):
        upper, lower = triangle[2 * y], triangle[2 * y + 1]
        for x in range(out.shape[1]):
            four = (upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1])
            if (four[0] & four[1] & four[2] & four[3]) < 0:  # all of them are
                continue
            hit = 4
            if four[0] == four[1] and four[0] == four[2] and four[0] == four[3]:
                plane = planes[np.uint32(four[0])]
                at_x, at_y = 2 * x + 0.5, 2 * y + 0.5
                tx = np.float32(plane[0] + plane[1] * at_x + plane[2] * at_y)
                ty = np.float32(plane[3] + plane[4] * at_x + plane[5] * at_y)
                lx = np.float32(plane[6] + plane[7] * at_x + plane[8] * at_y)
                ly = np.float32(plane[9] + plane[10] * at_x + plane[11] * at_y)
                form = np.float32(plane[12] + plane[13] * at_x + plane[14] * at_y)
            else:
                if not _mean_of_four(four, planes, y, x, carried):
                    hit = _mean_of_near(four, planes, y, x, carried)
                tx, ty = np.float32(carried[0]), np.float32(carried[1])
                lx, ly = np.float32(carried[2]), np.float32(carried[3])
                form = np.float32(carried[4])
            if tx < 0.0 or ty < 0.0 or tx > last or ty > last:
                continue
            column, row = int(tx), int(ty)
            fx, fy = tx - np.float32(column), ty - np.float32(row)
            w00, w01 = (one - fx) * (one - fy), fx * (one - fy)
            w10, w11 = (one - fx) * fy, fx * fy
            for k in range(LAYERS):
                values[k] = (
                    w00 * texture[row, column, k]
                    + w01 * texture[row, column + 1, k]
                    + w10 * texture[row + 1, column, k]
                    + w11 * texture[row + 1, column + 1, k]
                )
            alpha = values[_ALPHA] * np.float32(hit * 0.25)
            if alpha < np.float32(1e-3):
                continue
            light = _read(shade, lx, ly)
            fold = one + values[_ALPHA + 1] * bend[0] + values[_ALPHA + 2] * bend[1]
            fold = min(max(fold, np.float32(0.45)), np.float32(1.4)) * values[_ALPHA + 3]
            lit = light * form * fold * white
            for k in range(channels):
                linear = min(max(room + values[k] * lit, np.float32(0.0)), np.float32(BRIGHTEST))
                place = np.sqrt(linear * np.float32(1 / BRIGHTEST)) * np.float32(_STEPS - 1)
                step = min(int(place), _STEPS - 2)
                value = tone[step] + (place - np.float32(step)) * (tone[step + 1] - tone[step])
                out[y, x, k] = alpha * value
            out[y, x, channels] = alpha


@numba.njit(cache=True, nogil=True)
def lay_under(cloth, coverage, value, left_top):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Lay something even behind what is drawn already (h, w, c + 1), in place.

    Its coverage is known from a column and row on, ``left_top``.
    """
    last = cloth.shape[2] - 1
    for row in range(coverage.shape[0]):
        for column in range(coverage.shape[1]):
            if coverage[row, column] <= 0.0:
                continue
            y, x = left_top[1] + row, left_top[0] + column
            share = coverage[row, column] * (np.float32(1.0) - cloth[y, x, last])
            if share > 0.0:
                for k in range(last):
                    cloth[y, x, k] += share * value
                cloth[y, x, last] += share


@numba.njit(cache=True, nogil=True)
def finish(cloth, shadow, taken, grain_at, hidden, left_top, colour, alpha, region):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Tone and grain what is drawn in a window, take out what is hidden, round it into the image.

    Args:
        cloth: float32 (h, w, c + 1), premultiplied colour and coverage.
        shadow: float32 (h, w), under it; or empty.
        taken: uint8 (256, 3), the colour of each luma; float32 (h', w', c), grain. Each may be
            empty.
        grain_at: the window's first column and row in the grain.
        hidden: float32 (H, W), what lies in front, and uint8 (H, W), 0 where the image shows
            nothing. Each may be empty.
        left_top: the window's first column and row in the image.
        colour: uint8 (H, W, c), zeros: written to.
        alpha: uint8 (H, W), likewise: share of the colour, shadow included.
        region: uint8 (H, W), likewise: coverage.

    More arguments because numba takes arrays, no objects.
    """
    tones, grain = taken
    front, known = hidden
    last = cloth.shape[2] - 1
    one, most, pixel = np.float32(1.0), np.float32(255.0), np.empty(last, np.float32)
    for y in range(cloth.shape[0]):
        for x in range(cloth.shape[1]):
            covered = cloth[y, x, last]
            dark = shadow[y, x] if shadow.size else np.float32(0.0)
            if covered <= 0.0 and dark <= 0.0:
                continue
            pixel[:] = cloth[y, x, :last]
            if tones.size:
                luma = pixel[0] * _RED + pixel[1] * _GREEN + pixel[2] * _BLUE
                level = int(min(max(np.rint(luma / max(covered, np.float32(1e-4))), 0.0), 255.0))
                for k in range(last):
                    pixel[k] = np.float32(tones[level, k]) * covered
            if grain.size:
                for k in range(last):
                    pixel[k] += covered * grain[grain_at[1] + y, grain_at[0] + x, k]
            row, column = left_top[1] + y, left_top[0] + x
            bare = one
            if front.size:
                bare -= front[row, column]
            if known.size:
                bare *= np.float32(known[row, column]) * np.float32(1 / 255)
            covered = min(max(covered * bare, np.float32(0.0)), one)
            whole = covered + (one - covered) * (dark * bare)
            region[row, column] = np.uint8(np.rint(covered * most))
            share = np.uint8(np.rint(whole * most))
            alpha[row, column] = share
            if share:
                for k in range(last):
                    value = np.rint(pixel[k] * bare / whole)
                    colour[row, column, k] = np.uint8(min(max(value, np.float32(0.0)), most))


@numba.njit(cache=True, nogil=True)
def blend(image, colour, alpha):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Lay colour over an image (h, w, c) in place, rounding; untouched where alpha is 0."""
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            share = np.int32(alpha[y, x])
            if share:
                for k in range(image.shape[2]):
                    mixed = np.int32(image[y, x, k]) * (255 - share) + colour[y, x, k] * share
                    image[y, x, k] = (mixed + 127) // 255
