"""Keypoints of an export's boxes."""

import numpy as np

from pipeline.exporters.boxes import SOURCES, boxes_of


def test_a_point_that_is_not_known_is_not_visible():
    points = np.array([[np.nan, 3], [4, -np.nan], [5, 5], [-1, 5], [9.5, 5]], np.float32)
    face = {"box_xyxy": np.array([0, 0, 8, 8], np.float32), "landmarks_xy": points}
    row = {"width_px": 10, "height_px": 10, "faces": [face]}
    (box,) = boxes_of(row, SOURCES[:1])
    np.testing.assert_array_equal(box.points, [[0] * 3, [0] * 3, [5, 5, 2], [0] * 3, [9.5, 5, 2]])
