"""Faces of lower quality, by named generators.

``cyclegan`` is a network trained by the stage ``train_degrader``; ``photometric`` imitates what an
atmosphere, a lens, a sensor and a codec do. Both work in one frame: the context crop at about the
scale of an aligned face.
"""
