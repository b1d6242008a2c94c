"""crossband's library: everything the stages do, free of DVC and of paths fixed in advance."""
