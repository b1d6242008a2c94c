"""CycleGAN: unpaired translation of images."""
