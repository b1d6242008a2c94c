"""Training on Lightning Fabric: seeded, resumable, stopped by what is not finite."""
