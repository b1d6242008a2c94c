"""Where a subject comes from: the program that made its visible images."""

PHOTOGRAPHS = "photographs"
"""Source of images that no program made."""

SOURCES = """SELECT subject_id, max(generator) AS source FROM images
    WHERE band = 'VIS' AND generator <> '' GROUP BY subject_id"""
"""SQL: each subject's source, out of a table ``images``; others are ``PHOTOGRAPHS``.

It is the ``generator`` of the subject's visible images: a simulated infra-red image names the
program that simulated the band, not the one that made the person.
"""
