"""The faults: what strikes servers and workers, who tells and is told, typed commands, and cards that are wiped."""
