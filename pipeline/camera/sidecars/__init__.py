"""Tracks in files beside a video: what cameras and loggers write there, a module a format.

A format is a function `bytes -> Track | None`, named in `formats`; `beside` finds the file that belongs to a video and
opens it. May import `pipeline.camera.records`, `pipeline.camera.timing`, `pipeline.errors` and `pipeline.sources`.
"""

from pipeline.camera.sidecars.beside import sidecar_track

__all__ = ["sidecar_track"]
