"""How anything trains: the loop, its checkpoints, devices, optimisers. It knows no method."""
