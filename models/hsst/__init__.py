"""HSST: heterogeneous semi-siamese training."""
