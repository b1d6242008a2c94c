"""Simulated infra-red bands: pure functions from a visible image and its material maps.

Nothing here is measured. Each band follows published orders of reflectance (NIR, SWIR) or of
temperature (MWIR, LWIR), a subject's own traits, and a sensor.
"""
