"""SFace: the teacher and the measure of appearance."""
