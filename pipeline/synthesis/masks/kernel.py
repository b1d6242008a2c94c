"""The inner loops that paint a rasterised mask and round it."""

from functools import cache

import numba
import numpy as np

from pipeline.types import Float32

BRIGHTEST = 2.0
"""Largest linear value that the tone curve takes."""
_STEPS = 4096
_KNEE = 0.72
_FAR_TEXELS = 12.0
_SEAM_TEXELS = 4.0
"""What neighbouring pixels see of one piece of a mask is hardly further apart."""
LAYERS, _ALPHA = 8, 3
"""Of a texture: as many as a processor reads at once; the fourth is alpha."""
_CARRIED = 5
_RED, _GREEN, _BLUE = np.float32(0.299), np.float32(0.587), np.float32(0.114)


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


@numba.njit(cache=True, nogil=True)
def seams(triangle, planes, texture, numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Number the pixels at an edge: where the mask's surface ends, or hides a part of itself.

    All others see one smooth piece of the surface, and their middle is all there is to see. Where
    the design is transparent, no edge is seen either.

    Args:
        triangle: int32 (h, w), which triangle each pixel sees, −1 for none.
        planes: of ``planes_of``, the design's x and y first.
        texture: of ``paint``.
        numbers: int32 (h, w), written to: counted from 0 along rows, −1 of all others.

    Returns:
        How many there are.
    """
    numbers[:] = -1
    height, width = triangle.shape
    for y in range(height):
        for x in range(width):
            here = triangle[y, x]
            # Between neighbours at corners nothing ends that does not between those at sides.
            for column, row in ((max(x - 1, 0), y), (x, max(y - 1, 0))):
                there = triangle[row, column]
                if here == there:
                    continue
                if here < 0:
                    edge = _opaque(texture, planes, there, column, row)
                elif there < 0:
                    edge = _opaque(texture, planes, here, x, y)
                else:
                    edge = _apart(planes, here, x, y, there, column, row)
                if edge:
                    numbers[y, x] = numbers[row, column] = 0
    count = 0
    for y in range(height):
        for x in range(width):
            if numbers[y, x] >= 0:
                numbers[y, x] = count
                count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _opaque(texture, planes, index, x, y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Say whether there is anything of the design where a pixel sees a triangle, or close by."""
    side = texture.shape[0]
    column = int(planes[index, 0] + planes[index, 1] * x + planes[index, 2] * y)
    row = int(planes[index, 3] + planes[index, 4] * x + planes[index, 5] * y)
    for beside in range(max(column - 1, 0), min(column + 3, side)):
        for below in range(max(row - 1, 0), min(row + 3, side)):
            if texture[below, beside, _ALPHA] > 0.0:
                return True
    return False


@numba.njit(cache=True, nogil=True)
def _apart(planes, here, x, y, there, other_x, other_y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Say whether two pixels see parts of the mask that are far from each other."""
    away = 0.0
    for k in range(0, 6, 3):
        along = planes[here, k] + planes[here, k + 1] * x + planes[here, k + 2] * y
        other = planes[there, k] + planes[there, k + 1] * other_x + planes[there, k + 2] * other_y
        away += abs(along - other)
    return away > _SEAM_TEXELS


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


# Below, an index without a sign spares the look whether it is under 0, and numbers read one by one
# the counting of who holds a row of an array.


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
def _at(planes, index, first, x, y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return what a triangle carries at a pixel, by the plane that starts at a column."""
    index = np.uint32(index)
    return np.float32(
        planes[index, first] + planes[index, first + 1] * x + planes[index, first + 2] * y
    )


@numba.njit(cache=True, nogil=True, fastmath=True)
def _between(texture, place, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Read a layer of a texture between four texels: row and column of the first, their shares."""
    row, column, here, right, below, across = place
    next_row, next_column = row + np.uint32(1), column + np.uint32(1)
    upper = here * texture[row, column, k] + right * texture[row, next_column, k]
    return upper + below * texture[next_row, column, k] + across * texture[next_row, next_column, k]


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

    More arguments because numba takes arrays, no objects; more lines because a pixel's values never
    leave the registers.
    """
    numbers, finer = edges
    channels = out.shape[2] - 1
    last = np.float32(texture.shape[0] - 1.001)
    carried = np.empty(_CARRIED, dtype=np.float64)
    one, half = np.float32(1.0), np.float32(0.5)
    bend_u, bend_v, white, room = lit_by[0], lit_by[1], lit_by[2] - lit_by[3], lit_by[3]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            index, number, hit = triangle[y, x], numbers[y, x], 4
            if number >= 0:
                hit = _mean_of_seen(finer[np.uint32(number)], planes, x, y, carried)
                tx, ty = np.float32(carried[0]), np.float32(carried[1])
                lx, ly = np.float32(carried[2]), np.float32(carried[3])
                form = np.float32(carried[4])
            elif index >= 0:
                tx, ty = _at(planes, index, 0, x, y), _at(planes, index, 3, x, y)
                lx, ly = _at(planes, index, 6, x, y), _at(planes, index, 9, x, y)
                form = _at(planes, index, 12, x, y)
            else:
                continue
            if hit == 0 or tx < 0.0 or ty < 0.0 or tx > last or ty > last:
                continue
            column, row = np.uint32(tx), np.uint32(ty)
            fx, fy = tx - np.float32(column), ty - np.float32(row)
            place = (
                row,
                column,
                (one - fx) * (one - fy),
                fx * (one - fy),
                (one - fx) * fy,
                fx * fy,
            )
            alpha = _between(texture, place, _ALPHA) * np.float32(hit * 0.25)
            if alpha < np.float32(1e-3):
                continue
            fold = one + _between(texture, place, _ALPHA + 1) * bend_u
            fold += _between(texture, place, _ALPHA + 2) * bend_v
            fold = min(max(fold, np.float32(0.45)), np.float32(1.4))
            lit = _read(shade, lx, ly) * form * fold * _between(texture, place, _ALPHA + 3) * white
            for k in range(channels):
                linear = room + _between(texture, place, k) * lit
                linear = min(max(linear, np.float32(0.0)), np.float32(BRIGHTEST))
                step = np.sqrt(linear * np.float32(1 / BRIGHTEST)) * np.float32(_STEPS - 1)
                out[y, x, k] = alpha * tone[np.uint32(step + half)]
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
    one, most, half = np.float32(1.0), np.float32(255.0), np.float32(0.5)
    pixel = np.empty(last, np.float32)
    for y in range(cloth.shape[0]):
        row = left_top[1] + y
        for x in range(cloth.shape[1]):
            covered = cloth[y, x, last]
            dark = shadow[y, x] if shadow.size else np.float32(0.0)
            if covered <= 0.0 and dark <= 0.0:
                continue
            column = left_top[0] + x
            bare = one
            if front.size:
                bare -= front[row, column]
            if known.size:
                bare *= np.float32(known[row, column]) * np.float32(1 / 255)
            own = min(max(covered * bare, np.float32(0.0)), one)
            whole = own + (one - own) * (dark * bare)
            region[row, column] = np.uint8(own * most + half)
            share = np.uint8(whole * most + half)
            if not share:
                continue
            alpha[row, column] = share
            for k in range(last):
                pixel[k] = cloth[y, x, k]
            if tones.size:
                luma = pixel[0] * _RED + pixel[1] * _GREEN + pixel[2] * _BLUE
                level = int(min(luma / max(covered, np.float32(1e-4)) + half, most))
                for k in range(last):
                    pixel[k] = np.float32(tones[level, k]) * covered
            if grain.size:
                for k in range(last):
                    pixel[k] += covered * grain[grain_at[1] + y, grain_at[0] + x, k]
            seen = bare / whole
            for k in range(last):
                value = min(max(pixel[k] * seen, np.float32(0.0)), most)
                colour[row, column, k] = np.uint8(value + half)


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
