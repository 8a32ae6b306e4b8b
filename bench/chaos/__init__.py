"""Chaos: seeded faults over a real run, whose rows must equal those of a run that nobody disturbed.

`schedule` says which faults strike when, `faults/` strikes, `disturbed/` is what they strike, `compared/` judges.
"""
