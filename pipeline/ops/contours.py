"""Contours on MediaPipe's 468 points: closed loops of indices, left and right the subject's.

Reference:
    mediapipe/python/solutions/face_mesh_connections.py (Apache-2.0): FACEMESH_LEFT_EYE,
    FACEMESH_RIGHT_EYE, FACEMESH_LIPS, both EYEBROWs and FACE_OVAL. It publishes no closed contour
    of the nose (FACEMESH_NOSE is a bridge line and a base): the loop here is ours, along the nose's
    sides and around both wings.
"""

LEFT_EYE_LOOP = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_EYE_LOOP = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
NOSE_LOOP = (
    *(168, 417, 465, 412, 399, 437, 420, 279, 358, 294, 327, 326),
    *(2, 97, 98, 64, 129, 49, 198, 217, 174, 188, 245, 193),
)
MOUTH_LOOP = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
)
"""The outer contour of the lips."""
UPPER_LIP_LOOP = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    *(308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78),
)
LOWER_LIP_LOOP = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78),
)
LEFT_BROW_LOOP = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
RIGHT_BROW_LOOP = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
FACE_LOOP = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The face's outline, clockwise as seen, from the middle of the forehead."""
