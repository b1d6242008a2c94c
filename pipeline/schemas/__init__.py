"""One pyarrow schema per stage boundary, each extending the one before.

Conventions of every column: pixels of the row's own source image with pixel centres at integers,
points as (x, y), boxes as (x0, y0, x1, y1), matrices named source_to_target; left and right are the
subject's. ``unit`` and ``frame`` stand in the field's metadata. An image is the struct
``{bytes, path}`` that Hugging Face ``datasets`` reads as its Image feature; its bytes decode to an
upright 8-bit grey or RGB image.
"""
