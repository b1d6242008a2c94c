"""BiSeNet: face parsing."""
