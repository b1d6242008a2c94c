"""The embedded sample data set: where its people come from, and their simulated bands."""
