"""Commands that make what `models/` holds."""

from pipeline.offline import silence

silence()
