"""Multi-domain body recognition: network, losses and checkpoints of the body paper."""
