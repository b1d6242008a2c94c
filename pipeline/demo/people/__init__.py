"""People: procedural ones, whose ground truth is known exactly, and the sheets of OpenPeople."""
