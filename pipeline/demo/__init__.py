"""The embedded demo data: people, scenes of them, their simulated bands, and the sources of it all.

Only the stage ``sample`` makes it; whoever brings data of their own needs none of this.
"""
