"""Cuts some seconds out of a video for a browser: decoded from the keyframe before, scaled, and encoded as H.264 anew.

Whatever the source is coded in, the clip is upright H.264 in an MP4 whose index stands first. Sound, tags and positions
are left behind. Copying packets would be quicker where the source is H.264 already; but then the first pictures would
depend on where a keyframe happens to be, and rotation, open GOPs, edit lists and other codecs would each be a case.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import av

from pipeline.errors import Unreadable
from pipeline.records import MediaInfo, SegmentSpan
from pipeline.sources.fingerprints import check_same
from pipeline.sources.roots import check_allowed
from pipeline.sources.source import Source, shown
from pipeline.video.container import open_probed
from pipeline.video.decode import Decoder
from pipeline.video.encode import MOST_FPS, Encoder, scaled
from pipeline.video.evidence import entry_before

#: Longer side of a clip's pictures, pixels: a plate that was read in 4K can still be read by eye at a third of it.
MOST_PX = 1280
#: At this quality a 720p dashcam clip takes about 2 Mbit/s; where it would take more, quality gives way: 30 s are 15 MB
#: at most. On one core a frame of 720p costs 10 ms to decode, 5 to convert and 19 to encode; with `veryfast` 28, for a
#: third less room.
_OPTIONS = {"preset": "superfast", "crf": "24", "maxrate": "4000000", "bufsize": "8000000"}


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What to cut out of which video."""

    #: As the probe saw it; its path has not been checked.
    media: MediaInfo
    #: As `pipeline.sources.fingerprints` made them of the file that was processed.
    content: str | None
    fingerprint: str
    #: The frames shown in `[start_pts, end_pts)`, as far as there are any.
    start_pts: int
    end_pts: int


@dataclass(frozen=True, slots=True)
class Clip:
    """Some seconds of a video."""

    #: MP4.
    data: bytes
    #: When the first of its frames is shown in the video, seconds; the clip's own time starts at 0.
    first_s: float


def cut(wanted: ClipRequest, roots: Sequence[Source]) -> Clip:
    """The clip as an MP4: H.264, yuv420p, no sound, index first; its time starts at 0.

    `roots` are those below which videos may be opened. A stream that has only one keyframe, or no usable time stamps,
    is decoded from its beginning. Raises `Inaccessible` where the file is gone or may not be opened, `Away` where it
    may come back, `Unreadable` where another file lies there by now, or nothing of that time can be decoded.
    """
    source = check_allowed(wanted.media.path, roots)
    check_same(source, wanted.content, wanted.fingerprint)
    media = replace(wanted.media, path=source)
    start = min(max(wanted.start_pts, media.start_pts), media.end_pts - 1)
    span = SegmentSpan(0, start, min(max(wanted.end_pts, start + 1), media.end_pts))
    return _encoded(Decoder(scaled(_entered(media, start), MOST_PX), span, MOST_FPS, threads=1))


def _encoded(decoder: Decoder) -> Clip:
    file, first_s = io.BytesIO(), 0.0
    # To put the index first, FFmpeg reads what it wrote once more.
    with av.open(
        file, "w", format="mp4", options={"movflags": "faststart"}, io_open=lambda *_: io.BytesIO(file.getvalue())
    ) as out:
        encoder = Encoder(out, decoder.info, _OPTIONS)
        for frame in decoder:
            first_s = first_s if encoder.frames else frame.time_s
            encoder.put(frame)
        encoder.end()
    if not encoder.frames:
        raise Unreadable(f"No picture of {shown(decoder.info.path)} around that time can be decoded.")
    return Clip(file.getvalue(), first_s)


def _entered(media: MediaInfo, start_pts: int) -> MediaInfo:
    """The same with the keyframe at which it is entered; a caller that comes from the database has no list of them."""
    if not media.keyframes:
        return media
    with open_probed(media, threads=1) as (container, stream):
        entry = entry_before(container, stream, start_pts)
    first = media.start_pts if entry is None else min(media.start_pts, entry.keyframe)
    return replace(media, keyframes=(first,) if entry is None else tuple(sorted({first, entry.keyframe})))
