"""Scenes: videos of several walking people in four bands, with every box known.

People of OpenPeople are cut out of their images; the others are procedural bodies in clothes.
They walk over flat ground before a procedural background and are filmed from 500 m in visible light
and from 30 m in SWIR, MWIR and LWIR. Everything is *simulated*.
"""
