"""Networks and losses: code only. Weight files live in ``weights/``."""
