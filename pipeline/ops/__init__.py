"""Arrays in, arrays out: geometry, templates, boxes, colour, spectra. No paths, YAML or logs."""
