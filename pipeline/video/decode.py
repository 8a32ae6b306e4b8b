"""Decodes one segment of a video into upright frames, and says what was broken in it.

A segment is decoded without its predecessors and gives exactly the frames that decoding the whole file gives
there: it is entered at its keyframe, frames shown before it are dropped, and packets are read past its end
for as long as they may hold frames shown before the end (open GOPs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cached_property, partial
from itertools import chain
from typing import cast

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from pipeline.errors import Unreadable
from pipeline.records import Frame, Image, MediaInfo, MediaKind, SegmentSpan
from pipeline.sources.availability import check_reads
from pipeline.sources.source import shown
from pipeline.video.container import open_probed
from pipeline.video.photograph import read_photo

#: Threads of one decoder. A 720p H.264 frame costs 1.5 to 2.8 ms of CPU to decode and 1.3 ms to convert; a
#: second thread adds a tenth to that, and shortens the wait only where a core is free.
THREADS = 2
#: How far before a keyframe to seek, in seconds, one try after the other: some containers land late.
#: None reads from the file's beginning.
SEEK_BACK_S: tuple[float | None, ...] = (0.0, 2.0, 20.0, None)
#: Codecs where each packet is shown as one frame, so that a frame that does not come is damage.
ONE_FRAME_A_PACKET = frozenset({"h264", "hevc", "mjpeg"})
#: What turns a picture counter-clockwise by so many degrees.
TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


def decode(
    info: MediaInfo, span: SegmentSpan, sample_fps: float | None = None, threads: int = THREADS
) -> Iterator[Frame]:
    """The frames of a segment; see `Decoder`, which also tells of damage."""
    return iter(Decoder(info, span, sample_fps, threads))


class Decoder:
    """An iterable over the frames of one segment, in the order of showing; to be iterated once.

        decoder = Decoder(info, span, sample_fps=10)
        for frame in decoder:
            ...
        if decoder.damage: ...

    With `sample_fps`, the first frame in each cell of a time grid is chosen; the grid is laid from the
    video's first frame, so it does not depend on how the video was split. Frames that are not chosen are
    decoded but not converted, and of the others the picture is made when somebody asks for it. Damaged
    frames are skipped or come as the decoder mended them; what follows goes on. Iterating raises
    `Inaccessible` or `Unreadable` where the file changed since it was probed, `Away` where it cannot be
    reached now: what is lost for that is no damage.
    """

    def __init__(
        self, info: MediaInfo, span: SegmentSpan, sample_fps: float | None = None, threads: int = THREADS
    ) -> None:
        self.info = info
        self.span = span
        #: Frames of the segment that were decoded, chosen or not.
        self.frames_decoded = 0
        #: After the last frame: the sentence that tells what is broken in the segment.
        self.damage: str | None = None
        self._threads = threads
        self._grid = _Grid(info, sample_fps) if sample_fps else None
        self._convert = Converter(info)
        self._counted = info.kind is MediaKind.VIDEO and not info.keyframes
        #: pts of frames that must come, of those that came, of broken ones, and of packets that raised.
        self._announced: set[int] = set()
        self._came: set[int] = set()
        self._broken: set[int] = set()
        self._raised: set[int] = set()

    def __iter__(self) -> Iterator[Frame]:
        if self.info.kind is MediaKind.PHOTO:
            yield self._photo()
            return
        for pts, frame in self._frames():
            if self._grid is None or self._grid.enters_cell(pts):
                yield DecodedFrame(pts, self.info.seconds(pts), partial(self._convert, frame))
        self.damage = self._damage()
        if self.damage is not None:
            check_reads(self.info.path)

    def _photo(self) -> Frame:
        photo = read_photo(self.info.path)
        if photo is None:
            raise Unreadable(f"{shown(self.info.path)} is no photo any more. Submit it again.")
        self.frames_decoded = 1
        return Frame(0, 0.0, photo.image)

    def _frames(self) -> Iterator[tuple[int, VideoFrame]]:
        """The frames of the segment with their pts, ascending."""
        last = self.span.start_pts - 1
        for number, frame in enumerate(self._decoded()):
            pts = number if self._counted else frame.pts if frame.pts is not None else frame.dts
            if self._counted and number >= self.span.end_pts:
                return
            if pts is None or not last < pts < self.span.end_pts:
                continue
            last = pts
            self.frames_decoded += 1
            self._came.add(pts)
            if frame.is_corrupt:
                self._broken.add(pts)
            yield pts, frame

    def _decoded(self) -> Iterator[VideoFrame]:
        """All that the decoder gives for the packets of the segment, its neighbours' frames among it."""
        for back_s in SEEK_BACK_S:
            with open_probed(self.info, self._threads) as (container, stream):
                packets = self._entered(container, stream, back_s)
                if packets is None:
                    continue
                yield from self._fed(packets, stream)
                return

    def _entered(
        self, container: InputContainer, stream: VideoStream, back_s: float | None
    ) -> Iterator[Packet[VideoStream]] | None:
        """The packets from the segment's keyframe on; None where the seek landed behind it."""
        keyframe = self._keyframe()
        if keyframe is None or back_s is None:
            return container.demux(stream)
        try:
            container.seek(keyframe - round(back_s / self.info.time_base), stream=stream)
            packets = container.demux(stream)
            for packet in packets:
                if packet.is_keyframe and packet.pts == keyframe:
                    return chain([packet], packets)
                if packet.dts is not None and packet.dts > keyframe:
                    return None
        except (av.error.FFmpegError, OSError):
            return None
        return None

    def _keyframe(self) -> int | None:
        """Where to enter; None for the file's beginning."""
        before = [pts for pts in self.info.keyframes if pts <= self.span.start_pts]
        return before[-1] if before and before[-1] != self.info.keyframes[0] else None

    def _fed(self, packets: Iterator[Packet[VideoStream]], stream: VideoStream) -> Iterator[VideoFrame]:
        for packet in self._of_the_segment(packets):
            self._announce(packet)
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                self._fail(packet)
        try:
            yield from stream.codec_context.decode(None)
        except av.error.FFmpegError:
            self._fail(None)

    def _of_the_segment(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
        try:
            for packet in packets:
                past = packet.dts is not None and packet.dts >= self.span.end_pts
                # No frame is shown before it is decoded, so nothing of the segment follows.
                if past and not self._counted:
                    return
                if packet.size:
                    yield packet
        except (av.error.FFmpegError, OSError) as problem:
            check_reads(self.info.path, problem)
            self._broken.add(self.span.end_pts - 1)

    def _announce(self, packet: Packet[VideoStream]) -> None:
        """Notes a frame that must come out of the segment."""
        pts = packet.pts
        if pts is None or packet.is_discard or self._counted or self.info.codec not in ONE_FRAME_A_PACKET:
            return
        if self.span.start_pts <= pts < self.span.end_pts:
            self._announced.add(pts)

    def _fail(self, packet: Packet[VideoStream] | None) -> None:
        """Notes a packet that raised; with several threads a later one may raise in its place."""
        pts = packet.pts if packet is not None and not self._counted else None
        if pts is None:
            pts = self.span.start_pts + self.frames_decoded
        if self.span.start_pts <= pts < self.span.end_pts:
            self._raised.add(pts)

    def _damage(self) -> str | None:
        broken = self._broken | (self._announced - self._came)
        # Where each packet is a frame, what did not come is known; what raised may lie outside the segment.
        if self._counted or self.info.codec not in ONE_FRAME_A_PACKET:
            broken |= self._raised
        if not broken:
            return None
        frames = len(self._announced | self._came | broken)
        return (
            f"{shown(self.info.path)} is damaged at {self.info.seconds(min(broken)):.1f} s:"
            f" {len(broken)} of {frames} frames there are broken or lost; the rest was read."
        )


class DecodedFrame(Frame):
    """A frame whose picture is made when it is first asked for: many are passed over."""

    def __init__(self, pts: int, time_s: float, convert: Callable[[], Image]) -> None:
        object.__setattr__(self, "pts", pts)
        object.__setattr__(self, "time_s", time_s)
        self.__dict__["_convert"] = convert

    @cached_property
    def image(self) -> Image:
        """See `Frame`."""
        convert: Callable[[], Image] = self.__dict__.pop("_convert")
        return convert()


class _Grid:
    """Chooses the first frame in each cell of a grid of `fps` cells a second, laid from the video's start."""

    def __init__(self, info: MediaInfo, fps: float) -> None:
        self._start_pts = info.start_pts
        cells_a_tick = info.time_base * Fraction(fps).limit_denominator(1000)
        # Half a tick is added before rounding down, for containers that round times to milliseconds.
        self._up, self._down = cells_a_tick.numerator, 2 * cells_a_tick.denominator
        self._cell: int | None = None

    def enters_cell(self, pts: int) -> bool:
        cell = (2 * (pts - self._start_pts) + 1) * self._up // self._down
        entered = cell != self._cell
        self._cell = cell
        return entered


class Converter:
    """Turns decoded frames into upright BGR images of the size that the probe announced."""

    def __init__(self, info: MediaInfo) -> None:
        sideways = info.rotation in (90, 270)
        self._width = info.height if sideways else info.width
        self._height = info.width if sideways else info.height
        self._turn = TURNS.get(info.rotation)
        # One for all frames: swscale's tables are made once, which halves the cost.
        self._scaler = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> Image:
        """(height, width, 3) uint8, BGR, contiguous; colour space and range as the stream says."""
        scaled = self._scaler.reformat(frame, self._width, self._height, "bgr24")
        # Where a row's bytes are padded, PyAV gives a view with gaps.
        image = cast(Image, np.ascontiguousarray(scaled.to_ndarray()))
        return image if self._turn is None else cast(Image, cv2.rotate(image, self._turn))
