"""AdaFace: the face baseline of the body paper."""
