"""Decodes a few pictures with parameter sets that may be theirs: with the wrong ones they break."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipeline.video.recovery.coding.parameter_sets import ParameterSets

#: As `pipeline.video.container` decodes at most.
_FRAME_PIXELS = 2**26
#: Frames a second that may believably be said of a stream.
_LEAST_RATE, _MOST_RATE = 1, 240


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    #: Of the frame, pixels; 0 where none came.
    width: int = 0
    height: int = 0
    #: Frames a second as the stream says of itself; None where it does not.
    rate: Fraction | None = None
    #: Frames that came out unbroken.
    good: int = 0


def trial(sets: ParameterSets, samples: Sequence[bytes], start_codes: bool) -> Trial:
    """Decodes these pictures, which follow each other from a keyframe on, up to the first that breaks."""
    decoder = _decoder(sets, start_codes)
    frames: list[VideoFrame] = []
    with suppress(av.error.FFmpegError, ValueError):
        for sample in samples:
            frames += decoder.decode(av.Packet(sample))
        frames += decoder.decode(None)
    good = sum(not frame.is_corrupt for frame in frames)
    if not frames:
        return Trial()
    return Trial(frames[0].width, frames[0].height, _rate(decoder), good)


def size_said(sets: ParameterSets, samples: Sequence[bytes], start_codes: bool) -> Trial:
    """What a decoder says of pictures that are all damaged, as far as it makes anything of them."""
    decoder = _decoder(sets, start_codes, strict=False)
    for sample in samples:
        with suppress(av.error.FFmpegError, ValueError):
            for frame in decoder.decode(av.Packet(sample)):
                return Trial(frame.width, frame.height, _rate(decoder))
    with suppress(av.error.FFmpegError, ValueError):
        for frame in decoder.decode(None):
            return Trial(frame.width, frame.height, _rate(decoder))
    return Trial()


def _decoder(sets: ParameterSets, start_codes: bool, strict: bool = True) -> VideoCodecContext:
    decoder = CodecContext.create(sets.codec.name, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = sets.start_coded if start_codes else sets.configuration
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(_FRAME_PIXELS)} | ({"err_detect": "explode"} if strict else {})
    return decoder


def _rate(decoder: VideoCodecContext) -> Fraction | None:
    return believed(decoder.framerate)


def believed(rate: Fraction | None) -> Fraction | None:
    """A rate that a camera can have; None for any other."""
    return Fraction(rate) if rate and _LEAST_RATE <= rate <= _MOST_RATE else None


def enough(found: Trial, samples: Sequence[bytes]) -> bool:
    """Whether all pictures came out."""
    return found.good == len(samples) > 0
