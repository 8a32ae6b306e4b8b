"""Measurements: what the README's figures come from, and what shows that a promise still holds."""

from pipeline.offline import silence

silence()
