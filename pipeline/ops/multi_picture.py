"""How many images a JPEG holds by its index of them, as stereo and multi-shot cameras write it.

Reference:
    CIPA DC-007, Multi-Picture Format.
"""

import struct

MARK = b"MPF\0"
"""How the index begins, an APP2 segment."""
_ENTRIES_TAG = 0xB002
_TYPE_BITS = 0xFFFFFF
_LARGE_THUMBNAILS = (0x010001, 0x010002)
_UNDEFINED = 0
_HEAD_BYTES = 1 << 18
"""In which a JPEG tells its size, behind a thumbnail, notes and a profile."""


def further_images(data: bytes, place: int, body: bytes, hw: tuple[int, int]) -> int:
    """Count the images behind the first one that show something else than it does.

    Large thumbnails do not. Of type 0, undefined, are both the gain maps and depths of phones,
    which are smaller, and images of simple writers: there, one of the first one's size counts.

    Args:
        data: the file.
        place: where the index lies in it.
        body: the index, from ``MARK`` on.
        hw: height and width of the first image.
    """
    start = place + len(MARK)  # what offsets count from
    count = 0
    for attribute, offset in _entries(body[len(MARK) :])[1:]:
        kind, there = attribute & _TYPE_BITS, start + offset
        if kind in _LARGE_THUMBNAILS or not data.startswith(b"\xff\xd8\xff", there):
            continue
        frame = struct.pack(">BHH", 8, *hw)
        count += kind != _UNDEFINED or data.find(frame, there, there + _HEAD_BYTES) >= 0
    return count


def _entries(index: bytes) -> list[tuple[int, int]]:
    """Return each image's attribute and offset; none where the index is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(index[:4])
    if order is None:
        return []
    try:
        (start,) = struct.unpack_from(f"{order}I", index, 4)
        (tags,) = struct.unpack_from(f"{order}H", index, start)
        for number in range(tags):
            tag, _, size, at = struct.unpack_from(f"{order}HHII", index, start + 2 + 12 * number)
            if tag == _ENTRIES_TAG:
                entries = struct.iter_unpack(f"{order}IIIHH", index[at : at + size])
                return [(attribute, offset) for attribute, _, offset, _, _ in entries]
    except struct.error:
        return []
    return []
