"""Keys of ``params.yaml`` that have another name than they had."""

RENAMED: dict[str, str] = {}
"""New name of a key, or where it is now, by its former dotted path; ``*`` stands for any one key.

For example ``{"methods.*.accumulate": "grad_accumulation_steps"}``.
"""
