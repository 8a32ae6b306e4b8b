"""Encodes frames as H.264 for browsers: yuv420p, BT.709, each frame at its own time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from av.codec.context import ThreadType
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from pipeline.records import Frame, MediaInfo

#: Frames a second that are encoded; a faster source is thinned out.
MOST_FPS = 30.0
#: Ticks a second of the encoded stream's clock, of which common frame rates are whole parts.
_CLOCK_HZ = 90_000
#: Frames between keyframes, where a player can jump to.
_KEYFRAME_EVERY = 60
#: BT.709 in all four fields, as H.264 counts: without a word players guess by the size of the picture.
_BT709 = 1
#: Luma from 16 to 235.
_LIMITED_RANGE = 1


class Encoder:
    """Writes upright BGR frames into a container, in the order of showing; the first is at time 0."""

    def __init__(self, out: OutputContainer, media: MediaInfo, options: Mapping[str, str], threads: int = 1) -> None:
        """`media` has the size of the frames, which is even; `options` are those of x264."""
        self.frames = 0
        self._out, self._media = out, media
        self._first_pts = 0
        self._reformat = VideoReformatter()
        self._stream = out.add_stream("libx264", rate=round(MOST_FPS), options=dict(options))
        self._stream.width, self._stream.height, self._stream.pix_fmt = media.width, media.height, "yuv420p"
        context: Any = self._stream.codec_context
        context.time_base, context.gop_size = Fraction(1, _CLOCK_HZ), _KEYFRAME_EVERY
        context.thread_type, context.thread_count = ThreadType.SLICE if threads > 1 else ThreadType.NONE, threads
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE

    def put(self, frame: Frame) -> None:
        """Encode the next frame."""
        if not self.frames:
            self._first_pts = frame.pts
        picture = self._reformat.reformat(
            VideoFrame.from_ndarray(frame.image, "bgr24"), format="yuv420p", dst_colorspace=Colorspace.ITU709
        )
        seconds = (frame.pts - self._first_pts) * self._media.time_base
        picture.pts, picture.time_base = round(seconds * _CLOCK_HZ), Fraction(1, _CLOCK_HZ)
        self.frames += 1
        self._out.mux(self._stream.encode(picture))

    def end(self) -> None:
        """Write what the encoder still holds."""
        if self.frames:
            self._out.mux(self._stream.encode(None))


def scaled(media: MediaInfo, most_px: int) -> MediaInfo:
    """The same with the size of the pictures to encode: even, as yuv420p needs it, and no side above `most_px`."""
    part = min(1.0, most_px / max(media.width, media.height))
    width, height = (max(2, round(side * part / 2) * 2) for side in (media.width, media.height))
    return replace(media, width=width, height=height)
