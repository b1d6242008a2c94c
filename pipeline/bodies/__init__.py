"""Bodies: detection of people, labelling by face boxes, tracks, crops with body regions.

This module imports none of its own, so that a change of the crops does not count as one of the
code that detects: a row's fingerprint covers all modules that its stage imports.
"""

BODY_DETECTORS: dict[str, str] = {
    "yolo11n_pose": "yolo11n_pose",
    "yolov10x": "yolov10x",
}
"""Detectors of people by name, and the entry of ``weights.yaml`` that each opens.

All are networks that ``yolo.YoloDetector`` loads; a file of the user's own needs no name.
"""
