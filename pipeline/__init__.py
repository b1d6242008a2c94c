"""crossband's library: everything the stages do, free of DVC and of paths fixed in advance."""

import os

# Libraries read these when they are imported, and report home unless told not to. Workers inherit.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# Nor does pydantic look through all that is installed for plugins, which nobody here asked for.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
