"""The inner loop that paints a rasterised mask."""

from functools import cache

import numba
import numpy as np

from pipeline.types import Float32

BRIGHTEST = 2.0
"""Largest linear value that the tone curve takes."""
_STEPS = 1024
_KNEE = 0.72
_FAR_TEXELS = 12.0


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
    vertices,  # noqa: ANN001  float32 (v, 5): design x, y in texels; light x, y; brightness
    texture,  # noqa: ANN001  float32 (s, s, c + 4): colour, alpha, slopes along u, v, hollow
    shade,  # noqa: ANN001  float32 (n, n)
    bend,  # noqa: ANN001  float32 (2,): brightness per slope
    white,  # noqa: ANN001  float
    room,  # noqa: ANN001  float
    tone,  # noqa: ANN001  float32 (1024,)
    out,  # noqa: ANN001  float32 (h, w, c + 1): premultiplied colour and coverage, added to
):
    """Paint each pixel: shaded once, at the mean of its fine pixels, weighed by their number.

    More arguments because numba takes arrays, no objects; more lines because a pixel's sums never
    leave the registers.
    """
    factor = triangle.shape[0] // out.shape[0]
    share = np.float32(1.0 / (factor * factor))
    channels = out.shape[2] - 1
    side, light_side = texture.shape[0], shade.shape[0]
    values = np.empty(channels + 4, dtype=np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            hit, taken = 0, 0
            tx, ty, lx, ly, form = 0.0, 0.0, 0.0, 0.0, 0.0
            fine, several = 0, factor * factor
            while fine < several:
                fine_y, fine_x = y * factor + fine // factor, x * factor + fine % factor
                fine += 1
                index = triangle[fine_y, fine_x]
                if index < 0:
                    continue
                wa = weights[fine_y, fine_x, 0]
                wb = weights[fine_y, fine_x, 1]
                wc = weights[fine_y, fine_x, 2]
                # Fine pixels of one triangle are summed up before its corners are looked at.
                same = 1
                while fine < several:
                    fine_y, fine_x = y * factor + fine // factor, x * factor + fine % factor
                    if triangle[fine_y, fine_x] != index:
                        break
                    wa += weights[fine_y, fine_x, 0]
                    wb += weights[fine_y, fine_x, 1]
                    wc += weights[fine_y, fine_x, 2]
                    same += 1
                    fine += 1
                hit += same
                a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
                at_x = wa * vertices[a, 0] + wb * vertices[b, 0] + wc * vertices[c, 0]
                at_y = wa * vertices[a, 1] + wb * vertices[b, 1] + wc * vertices[c, 1]
                # Where the mask hides itself, what lies behind is not mixed in.
                if taken and (
                    abs(at_x / same - tx / taken) + abs(at_y / same - ty / taken) > _FAR_TEXELS
                ):
                    continue
                taken += same
                tx += at_x
                ty += at_y
                lx += wa * vertices[a, 2] + wb * vertices[b, 2] + wc * vertices[c, 2]
                ly += wa * vertices[a, 3] + wb * vertices[b, 3] + wc * vertices[c, 3]
                form += wa * vertices[a, 4] + wb * vertices[b, 4] + wc * vertices[c, 4]
            if hit == 0:
                continue
            tx, ty = tx / taken, ty / taken
            if tx < 0.0 or ty < 0.0 or tx > side - 1.001 or ty > side - 1.001:
                continue
            x0, y0 = int(tx), int(ty)
            fx, fy = tx - x0, ty - y0
            w00, w01 = (1 - fx) * (1 - fy), fx * (1 - fy)
            w10, w11 = (1 - fx) * fy, fx * fy
            for k in range(channels + 4):
                values[k] = (
                    w00 * texture[y0, x0, k]
                    + w01 * texture[y0, x0 + 1, k]
                    + w10 * texture[y0 + 1, x0, k]
                    + w11 * texture[y0 + 1, x0 + 1, k]
                )
            alpha = values[channels] * hit * share
            if alpha < 1e-3:
                continue
            lx = min(max(lx / taken, 0.0), light_side - 1.001)
            ly = min(max(ly / taken, 0.0), light_side - 1.001)
            x0, y0 = int(lx), int(ly)
            fx, fy = lx - x0, ly - y0
            light = (shade[y0, x0] * (1 - fx) + shade[y0, x0 + 1] * fx) * (1 - fy) + (
                shade[y0 + 1, x0] * (1 - fx) + shade[y0 + 1, x0 + 1] * fx
            ) * fy
            fold = 1.0 + values[channels + 1] * bend[0] + values[channels + 2] * bend[1]
            fold = min(max(fold, 0.45), 1.4) * values[channels + 3]
            lit = light * (form / taken) * fold
            for k in range(channels):
                linear = room + (values[k] * lit) * (white - room)
                root = np.sqrt(min(max(linear, 0.0), BRIGHTEST) / BRIGHTEST)
                place = root * (_STEPS - 1)
                step = min(int(place), _STEPS - 2)
                value = tone[step] + (place - step) * (tone[step + 1] - tone[step])
                out[y, x, k] = alpha * value
            out[y, x, channels] = alpha


@numba.njit(cache=True, nogil=True, fastmath=True)
def grid_normals(surface):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return unit normals of a grid of points, float32 (rows, columns, 3)."""
    rows, columns, _ = surface.shape
    normals = np.zeros_like(surface)
    for r in range(rows):
        up, down = max(r - 1, 0), min(r + 1, rows - 1)
        for c in range(columns):
            left, right = max(c - 1, 0), min(c + 1, columns - 1)
            vx = surface[down, c, 0] - surface[up, c, 0]
            vy = surface[down, c, 1] - surface[up, c, 1]
            vz = surface[down, c, 2] - surface[up, c, 2]
            ux = surface[r, right, 0] - surface[r, left, 0]
            uy = surface[r, right, 1] - surface[r, left, 1]
            uz = surface[r, right, 2] - surface[r, left, 2]
            nx, ny, nz = vy * uz - vz * uy, vz * ux - vx * uz, vx * uy - vy * ux
            length = max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-9)
            normals[r, c, 0] = nx / length
            normals[r, c, 1] = ny / length
            normals[r, c, 2] = nz / length
    return normals


@numba.njit(cache=True, nogil=True)
def lay_under(cloth, coverage, value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Lay something even behind what is drawn already (h, w, c + 1), in place."""
    last = cloth.shape[2] - 1
    for y in range(cloth.shape[0]):
        for x in range(cloth.shape[1]):
            share = coverage[y, x] * (np.float32(1.0) - cloth[y, x, last])
            if share > 0.0:
                for k in range(last):
                    cloth[y, x, k] += share * value
                cloth[y, x, last] += share


@numba.njit(cache=True, nogil=True)
def round_layer(cloth, shadow, colour, alpha, region):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Round premultiplied colour and coverage, a shadow under it, to 8 bits; 0 stays untouched."""
    last = cloth.shape[2] - 1
    for y in range(cloth.shape[0]):
        for x in range(cloth.shape[1]):
            covered = min(max(cloth[y, x, last], np.float32(0.0)), np.float32(1.0))
            whole = covered + (np.float32(1.0) - covered) * shadow[y, x]
            region[y, x] = np.uint8(np.rint(covered * np.float32(255.0)))
            share = np.uint8(np.rint(whole * np.float32(255.0)))
            alpha[y, x] = share
            if share:
                for k in range(last):
                    value = np.rint(cloth[y, x, k] / whole)
                    colour[y, x, k] = np.uint8(min(max(value, 0.0), 255.0))


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
