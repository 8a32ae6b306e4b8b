"""The faults: what strikes servers and workers, commands that people type meanwhile, and cards that are wiped."""
