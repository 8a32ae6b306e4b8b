"""Recordings of every kind that may come out of a file without an index, and the comparison with the whole ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.records import Frame, MediaInfo
from pipeline.video.decode import decode
from pipeline.video.split import split
from tests.support.media_files import B_FRAMES, OPEN_GOP, TIDY, Recipe, write_clip

SOUND = replace(TIDY, sound=True)
SOUND_B = replace(B_FRAMES, sound=True)
QUIET = "log-level=none:scenecut=0"
H265 = replace(TIDY, codec="libx265", seconds=4, options={"preset": "ultrafast", "x265-params": f"bframes=0:{QUIET}"})
H265_B = replace(
    TIDY, codec="libx265", seconds=4, options={"preset": "ultrafast", "x265-params": f"open-gop=1:bframes=3:{QUIET}"}
)
#: Its parameter sets stand before each keyframe as well, as most dashcams write them.
IN_BAND = replace(TIDY, options=TIDY.options | {"x264-params": "repeat-headers=1"})
H265_IN_BAND = replace(H265, options={"preset": "ultrafast", "x265-params": f"repeat-headers=1:bframes=3:{QUIET}"})
#: Headers of media data with sizes that a camera meant to set later.
SIZES = [b"\0\0\0\0mdat", b"\0\0\0\x08mdat", b"\x7f\xff\xff\xffmdat", b"\0\0\0\1mdat" + bytes(8)]
#: What may be spent on 1 MB that is made of nothing but units: 100,000 of them are found.
MOST_SECONDS, MOST_BYTES = 30, 150e6
KINDS = {
    "H.264": TIDY, "H.264 with sound": SOUND, "H.264 with B-frames": B_FRAMES, "H.264 with both": SOUND_B,
    "H.264, open GOPs": OPEN_GOP, "H.265": H265, "H.265 with B-frames": H265_B,
}  # fmt: skip


def clip(folder: Path, recipe: Recipe, name: str = "REC_0001.mp4") -> bytes:
    return write_clip(folder / name, recipe).read_bytes()


def assert_the_same(info: MediaInfo, good: list[Frame], tolerance_s: float = 1e-3) -> None:
    frames = [frame for span in split(info, 2.0, 1.0) for frame in decode(info, span)]
    assert len(frames) == len(good)
    assert [frame.time_s for frame in frames] == pytest.approx([frame.time_s for frame in good], abs=tolerance_s)
    assert all(np.array_equal(here.image, there.image) for here, there in zip(frames, good, strict=True))
