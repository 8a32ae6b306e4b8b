"""Writes a video with its marks drawn onto every frame: H.264 without sound, a frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import av
import numpy as np

from output.marks import Marks
from pipeline.errors import Unreadable
from pipeline.records import Frame, MediaInfo
from pipeline.sources.source import shown
from pipeline.video.encode import Encoder

#: Longer side of the pictures, pixels.
MOST_PX = 1920
#: As for clips, with twice their rate for twice their pixels.
_OPTIONS = {"preset": "superfast", "crf": "23", "maxrate": "8000000", "bufsize": "16000000"}


def write_annotated(
    out: Path,
    media: MediaInfo,
    frames: Iterable[Frame],
    marks: Marks,
    scale: float,
    threads: int,
    progress: Callable[[float], None],
) -> None:
    """Write the frames with their marks; `progress` hears each frame's seconds into the video.

    `media` has the size of the frames, and `scale` is that size over the original's. Raises Unreadable where no frame
    comes.
    """
    with av.open(str(out), "w", format="mp4", options={"movflags": "faststart"}) as file:
        encoder = Encoder(file, media, _OPTIONS, threads)
        for frame in frames:
            image = np.ascontiguousarray(frame.image)
            marks.draw(image, frame.pts, scale)
            encoder.put(Frame(frame.pts, frame.time_s, image))
            progress(frame.time_s)
        encoder.end()
    if not encoder.frames:
        raise Unreadable(f"No picture of {shown(media.path)} can be decoded.")
