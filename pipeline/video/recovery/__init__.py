"""Recordings that were never finished: finds the frames of a file without an index, and gives it one in memory.

`unfinished` is what the room offers; `pipeline.video.container` alone asks it. The file itself is never written to.
"""
