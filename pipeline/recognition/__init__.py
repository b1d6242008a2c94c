"""Face embeddings, and what a crop tells about their worth."""
