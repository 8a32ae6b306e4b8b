"""Fetches the frames that sightings were read from, in one pass over the video.

A frame is the picture that decoding the whole file gives at its pts. Between wanted frames that lie far apart the pass
jumps to the last keyframe before the next one; where there is none it decodes on. So no segment is decoded twice, and
a file whose only keyframe is its first is decoded once. Keyframes are asked of the container, because a caller that
comes from the database has no list of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile, takewhile

import av
import cv2
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import DashplateError, MediaError
from pipeline.records import Image, MediaInfo, MediaKind
from pipeline.video.container import open_probed
from pipeline.video.decode import THREADS, Converter
from pipeline.video.keyframes import BACK_S
from pipeline.video.photograph import read_photo

#: A frame this soon after another is reached by decoding on: some 15 frames, about 20 ms at 720p with two threads. A
#: jump reads from elsewhere in the file, which costs no less where the file lies on another machine.
NEAR_S = 0.5
#: Quality of an evidence frame's JPEG, 0 to 100: 130 to 215 kB and 2 ms at 720p.
JPEG_QUALITY = 90


def frames_at(media: MediaInfo, wanted: Collection[int], threads: int = THREADS) -> Iterator[tuple[int, Image]]:
    """The upright frames shown at these pts, ascending: (height, width, 3) uint8, BGR.

    A frame that cannot be got is left out, whatever the reason: the file is gone or damaged, or nothing is shown at
    that pts. Raises nothing of its own.
    """
    return iter(Fetch(media, wanted, threads))


def encode_frame(image: Image) -> bytes:
    """A BGR frame as JPEG. Raises DashplateError for what is no picture."""
    try:
        encoded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    except cv2.error:
        encoded = False
    if not encoded:
        raise DashplateError(f"A frame of shape {image.shape} could not be encoded as JPEG.")
    return data.tobytes()


@dataclass(slots=True)
class _Run:
    """Wanted pts, ascending, that are decoded in one go."""

    entry: Entry | None
    wanted: list[int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A keyframe, and where to seek so that its packet follows."""

    keyframe: int
    seek_pts: int


class Fetch:
    """An iterable over the wanted frames; to be iterated once. `frames_at` says what it gives."""

    def __init__(self, media: MediaInfo, wanted: Collection[int], threads: int = THREADS) -> None:
        #: Packets that were handed to the decoder: what the pass cost.
        self.packets_decoded = 0
        self._media = media
        self._wanted = sorted({pts for pts in wanted if media.start_pts <= pts < media.end_pts})
        self._threads = threads
        self._convert = Converter(media)

    def __iter__(self) -> Iterator[tuple[int, Image]]:
        if not self._wanted:
            return
        if self._media.kind is MediaKind.PHOTO:
            photo = read_photo(self._media.path)
            if photo is not None:
                yield self._media.start_pts, photo.image
            return
        with suppress(MediaError, av.error.FFmpegError, OSError):
            runs = self._runs() if self._media.keyframes else [_Run(None, self._wanted)]
            with open_probed(self._media, self._threads) as (container, stream):
                for run in runs:
                    yield from self._of_run(container, stream, run)

    def _runs(self) -> list[_Run]:
        """The wanted frames, grouped by the keyframe that each is entered at; the segments do not overlap."""
        runs: list[_Run] = []
        with open_probed(self._media, threads=1) as (container, stream):
            for pts in self._wanted:
                near = runs and (pts - runs[-1].wanted[-1]) * self._media.time_base < NEAR_S
                entry = None if near else entry_before(container, stream, pts)
                if runs and (entry is None or entry.keyframe <= runs[-1].wanted[-1]):
                    runs[-1].wanted.append(pts)
                else:
                    runs.append(_Run(entry, [pts]))
        return runs

    def _of_run(self, container: InputContainer, stream: VideoStream, run: _Run) -> Iterator[tuple[int, Image]]:
        wanted, end = set(run.wanted), run.wanted[-1]
        counted = not self._media.keyframes
        packets = container.demux(stream) if run.entry is None else _entered(container, stream, run.entry)
        last = self._media.start_pts - 1
        for number, frame in enumerate(self._decoded(packets if counted else _until(packets, end), stream)):
            pts = number if counted else frame.pts if frame.pts is not None else frame.dts
            if pts is None or pts <= last:
                continue
            last = pts
            if pts in wanted:
                yield pts, self._convert(frame)
            if pts >= end:
                return

    def _decoded(self, packets: Iterator[Packet[VideoStream]], stream: VideoStream) -> Iterator[VideoFrame]:
        """What the decoder gives for these packets; one that cannot be decoded is passed over."""
        with suppress(av.error.FFmpegError, OSError):
            for packet in packets:
                if packet.size:
                    self.packets_decoded += 1
                    with suppress(av.error.FFmpegError):
                        yield from packet.decode()
        with suppress(av.error.FFmpegError):
            yield from stream.codec_context.decode(None)


def entry_before(container: InputContainer, stream: VideoStream, pts: int) -> Entry | None:
    """The keyframe from which the frame at `pts` is decoded; None where only the file's beginning will do."""
    for back_s in BACK_S:
        seek_pts = pts - round(back_s / (stream.time_base or 1))
        keyframe = None
        with suppress(av.error.FFmpegError, OSError):
            container.seek(seek_pts, stream=stream)
            for packet in _until(container.demux(stream), pts):
                stamp = _stamp(packet)
                if packet.is_keyframe and stamp is not None and stamp <= pts:
                    keyframe = stamp
                    # An index leads to the last keyframe at once; after a step back there may be later ones.
                    if not back_s:
                        break
        if keyframe is not None:
            return Entry(keyframe, seek_pts)
    return None


def _entered(container: InputContainer, stream: VideoStream, entry: Entry) -> Iterator[Packet[VideoStream]]:
    """The packets from that keyframe on."""
    container.seek(entry.seek_pts, stream=stream)
    return dropwhile(lambda packet: not packet.is_keyframe or _stamp(packet) != entry.keyframe, container.demux(stream))


def _until(packets: Iterator[Packet[VideoStream]], last: int) -> Iterator[Packet[VideoStream]]:
    """The packets that may hold frames shown up to `last`: no frame is shown before it is decoded."""
    return takewhile(lambda packet: packet.dts is None or packet.dts <= last, packets)


def _stamp(packet: Packet[VideoStream]) -> int | None:
    return packet.pts if packet.pts is not None else packet.dts
