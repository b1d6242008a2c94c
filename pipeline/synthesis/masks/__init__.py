"""Mask synthesis: a mask's texture map T_M, laid over a face in 3D.

Reference:
    HSST, section II-B and equation 4.
"""
