"""DEEN: embeddings of bodies in two bands, expanded by branches that are pulled apart."""
