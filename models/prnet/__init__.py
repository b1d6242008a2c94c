"""PRNet: position maps of faces."""
