"""The report: a site of static pages over all that the stages left; see ``write``."""
