"""The loss that DMFR's classifiers and its steps on prototypes share."""

COSFACE = "am_softmax"
"""Its name in ``models.losses.margins.MARGINS``: CosFace and AM-softmax are one loss."""
