"""Chaos: seeded faults over a real run, whose rows must equal those of a run that nobody disturbed."""
