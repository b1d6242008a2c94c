"""Recognition networks, one architecture a module, and their checkpoints."""
