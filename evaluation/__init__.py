"""`dashplate eval`: what the stages get right and wrong on material whose truth is known."""

from pipeline.offline import silence

silence()
