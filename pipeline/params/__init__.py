"""``params.yaml`` as typed, frozen values, checked whole before any work starts.

One module per stage, named as the stage is; ``whole`` has all sections, ``load`` reads them.
"""
