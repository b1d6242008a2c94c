"""IDR and W-CNN: a subspace that two bands share."""
