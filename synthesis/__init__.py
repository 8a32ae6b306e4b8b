"""Plates and dashcam drives drawn by our own code, with the truth known to the pixel."""

from pipeline.offline import silence

silence()
