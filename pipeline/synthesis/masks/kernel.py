"""The inner loops that find a rasterised mask's edges, finish it and lay it over an image."""

import numba
import numpy as np

from pipeline.synthesis.masks.paint import ALPHA

_SEAM_TEXELS = 4.0
"""What neighbouring pixels see of one piece of a mask is hardly further apart."""
_RED, _GREEN, _BLUE = np.float32(0.299), np.float32(0.587), np.float32(0.114)


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
        texture: of ``paint.paint``.
        numbers: int32 (h, w), written to: counted from 0 along rows, −1 of all others.

    Returns:
        How many there are.
    """
    numbers[:] = -1
    height, width = triangle.shape
    for y in range(height):
        up = max(y - 1, 0)
        for x in range(width):
            left = max(x - 1, 0)
            here, beside, above = triangle[y, x], triangle[y, left], triangle[up, x]
            # Between neighbours at corners nothing ends that does not between those at sides.
            if here != beside and _ends(texture, planes, here, x, y, beside, left, y):
                numbers[y, x] = numbers[y, left] = 0
            if here != above and _ends(texture, planes, here, x, y, above, x, up):
                numbers[y, x] = numbers[up, x] = 0
    count = 0
    for y in range(height):
        for x in range(width):
            if numbers[y, x] >= 0:
                numbers[y, x] = count
                count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _ends(texture, planes, here, x, y, there, column, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Say whether there is an edge between two pixels that see different triangles, or none.

    More arguments because numba takes arrays, no objects.
    """
    if here < 0:
        return _opaque(texture, planes, there, column, row)
    if there < 0:
        return _opaque(texture, planes, here, x, y)
    return _apart(planes, here, x, y, there, column, row)


@numba.njit(cache=True, nogil=True)
def _opaque(texture, planes, index, x, y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Say whether there is anything of the design where a pixel sees a triangle, or close by."""
    side = texture.shape[0]
    column = int(planes[index, 0] + planes[index, 1] * x + planes[index, 2] * y)
    row = int(planes[index, 3] + planes[index, 4] * x + planes[index, 5] * y)
    for beside in range(max(column - 1, 0), min(column + 3, side)):
        for below in range(max(row - 1, 0), min(row + 3, side)):
            if texture[below, beside, ALPHA] > 0.0:
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
