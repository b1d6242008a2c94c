"""Procedural people: identities, bodies and pictures whose truth is known exactly."""
