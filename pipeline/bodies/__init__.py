"""Bodies: detection of people, labelling by face boxes, tracks, crops with body regions."""
