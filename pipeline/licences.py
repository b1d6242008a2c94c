"""How others call licences."""

HUB_LICENCES = {
    "MIT": "mit",
    "Apache-2.0": "apache-2.0",
    "CC0-1.0": "cc0-1.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
    "BSD-3-Clause": "bsd-3-clause",
    "AGPL-3.0": "agpl-3.0",
}
"""SPDX identifiers and the words that the Hub has for them; any other licence is ``other``."""
