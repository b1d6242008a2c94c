"""Three-dimensional faces: the 468-point mesh, its dense position map, and the pose they give."""
