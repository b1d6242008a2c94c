"""CDL: coupled classifiers of two bands, and a ranking across them."""
