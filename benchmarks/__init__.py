"""Speed claims, each a ratio against a public alternative or a bound, measured in one run."""
