"""Faces turned to other poses: a head that is unwrapped once and drawn as often as one likes."""
