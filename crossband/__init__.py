"""crossband in a notebook: images, faces and bodies as arrays.

>>> import crossband
>>> face = crossband.open("a.jpg").faces[0]
>>> face.align().shape
(144, 144, 3)

What the methods do is what the stages of the same names do with the params that crossband ships;
weight files are found, or fetched once into the user's cache. Arrays are uint8 RGB (h, w, 3), or
(h, w) where the image has one channel; points are (x, y) in pixels. Threads may share all of it;
in the networks they take turns.
"""

from crossband.faces import Face
from crossband.images import Image, open
from crossband.people import Body, bodies

__all__ = ["Body", "Face", "Image", "bodies", "open"]
