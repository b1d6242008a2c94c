"""What people look at: one module per stage, and the drawing and measuring that they share."""
