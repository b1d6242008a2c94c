"""Networks, one architecture a module."""
