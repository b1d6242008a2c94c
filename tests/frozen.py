"""Loaded last by the server of ``forked``: no process that it forks looks for garbage in libraries.

To look is to write into each object, so that the process gets a copy of nearly all memory.
"""

import gc

gc.collect()
gc.freeze()
