"""Positions and clock that lie inside a video file: `embedded_track`.

May import `pipeline.camera.records` and `pipeline.errors`. `container/` knows files, `readers/` know cameras, `track`
brings both together.
"""

from pipeline.camera.embedded.track import embedded_track

__all__ = ["embedded_track"]
