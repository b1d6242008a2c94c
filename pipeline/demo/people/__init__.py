"""People: procedural ones, whose truth is known exactly, and the sheets of OpenPeople."""
