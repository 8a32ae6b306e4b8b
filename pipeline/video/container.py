"""Opens a container and reads its packets without decoding, about 20 microseconds each.

Times are the stream's own presentation time stamps. Some streams carry none that can be trusted: bare
H.264, AVI with B-frames, joined transport streams whose clock starts anew. Their frames are counted instead:
`time_base` is one frame, pts is the frame's number, and `keyframes` is empty, because one cannot start to
count in the middle.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from pipeline.errors import Inaccessible, NoVideoStream, Unreadable
from pipeline.records import MediaInfo
from pipeline.sources.availability import check_reads
from pipeline.sources.opening import by_name, open_path
from pipeline.sources.progress import advance
from pipeline.sources.remote import BLOCK_BYTES, open_remote
from pipeline.sources.source import Remote, Source, shown
from pipeline.video.mp4.index import DEMUX_OPTIONS, Mp4Index
from pipeline.video.recovery.damage import outline
from pipeline.video.recovery.rebuild import Recovery
from pipeline.video.recovery.unfinished import is_too_far, unfinished
from pipeline.video.recovery.view import Finished

#: Containers that may be opened. Playlists (HLS, DASH, concat, SDP) stay out: they make the reader open
#: other files and addresses, which a file from a stranger must not.
FORMATS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,m4v,mjpeg,flv,asf,ogg,ivf,obu,mxf,dv,"
    "aac,ac3,flac,mp3,wav,w64,amr,aiff,caf"
)
#: Containers whose packets carry no time of showing.
UNTIMED_FORMATS = frozenset({"h264", "hevc", "m4v", "mpegvideo", "mjpeg", "obu"})
#: Streams that hold a still picture beside the sound or the video.
STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
#: A stream's clock that runs back by more than this starts anew.
CLOCK_RESET_S = 1.0
#: Frames a second that a stream may believably claim; bare H.264 at times claims its clock, 90 000.
LEAST_RATE, MOST_RATE = 1, 1000
#: Frames a second that are assumed where a bare stream says nothing.
USUAL_RATE = Fraction(25)
#: Pixels of the largest frame that is decoded: twice 8K, 200 MB as BGR.
FRAME_PIXELS = 2**26
#: Bytes that the demuxer asks a file object for at once.
IO_BYTES = 64 * 1024
#: MP4s on this machine up to this size are demuxed with all their data, which also tells keyframes that are broken.
WHOLE_BYTES = 1024**3
#: How much longer and shorter a rebuilt recording may be than at its probe, which counts what was lost at its end in.
LONGER_S, SHORTER_S = 0.5, 5.0


#: What the demuxer may open by itself: nothing but the file it is given.
_SAFELY = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
#: Kinds of the boxes that an MP4 may begin with.
_MP4_HEADS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid"})


@contextmanager
def open_video(
    source: Source, threads: int = 2, clock_hz: int | None = None
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its main video stream: the largest that is not a still picture.

    `clock_hz` is for `open_probed`. Raises `Inaccessible`, `Unreadable` or `NoVideoStream`; `Inaccessible` also while
    packets of a remote one are read.
    """
    with ExitStack() as held:
        container, stream = _streams(source, held, clock_hz)
        # PyAV's standing choice, threads by slice, turns H.264's concealment of errors off, and with it
        # `is_corrupt`; threads by frame are faster as well.
        stream.thread_type, stream.thread_count = ThreadType.AUTO, threads
        stream.codec_context.options = {"max_pixels": str(FRAME_PIXELS)}
        yield container, stream


@contextmanager
def open_probed(info: MediaInfo, threads: int = 2) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Like `open_video`, with the times that the probe found, even where it had to rebuild the file's index.

    What the rate of such a file is taken from may have changed since: another recording came to lie beside it. Raises
    like `open_video`, and `Unreadable` also where it lasts longer or shorter by now.
    """
    clock_hz = info.time_base.denominator if info.recovered else None
    with open_video(info.path, threads, clock_hz) as (container, stream):
        if clock_hz is not None:
            longer_s = (container.duration or 0) / av.time_base - float(info.end_pts * info.time_base)
            if stream.time_base != info.time_base or not -SHORTER_S <= longer_s <= LONGER_S:
                raise Unreadable(
                    f"What was recovered of {shown(info.path)} is not what was recovered when it was first opened, so"
                    " its times cannot be trusted. Submit it again."
                )
        yield container, stream


@contextmanager
def open_container(source: Source) -> Iterator[InputContainer]:
    """A container, whether or not it holds pictures; of a remote or very large MP4 no more than the index is read.

    Raises `Inaccessible` or `Unreadable`.
    """
    with ExitStack() as held:
        index = _mp4_index(source, held)
        target, options = (_target(source, held), {}) if index is None else (index, DEMUX_OPTIONS)
        yield held.enter_context(_opened(source, target, options))


@contextmanager
def open_packets(source: Source) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Like `open_video`, for one who wants the packets' times and sizes only.

    Of a remote or very large MP4 no more than the index is read, and its packets hold zeros. Raises like `open_video`.
    """
    with ExitStack() as held:
        index = _mp4_index(source, held)
        if index is None:
            yield held.enter_context(open_video(source))
            return
        container = held.enter_context(_opened(source, index, DEMUX_OPTIONS))
        yield container, _main_stream(source, container)


def _mp4_index(source: Source, held: ExitStack) -> Mp4Index | None:
    """None where the file is small and here, or no MP4."""
    try:
        if isinstance(source, Path) and os.path.getsize(source) <= WHOLE_BYTES:
            return None
        file = held.enter_context(open_source(source))
        if file.read(8)[4:] not in _MP4_HEADS:
            return None
        found = unfinished(source, file)
        whole = file if found is None else cast(BinaryIO, _finished(found, file))
        return held.enter_context(Mp4Index(whole, whole.seek(0, os.SEEK_END)))
    except OSError:
        return None  # Opening it as a whole says what is wrong.


def open_source(source: Source, block_bytes: int = BLOCK_BYTES) -> BinaryIO:
    """The file's bytes, seekable; remote ones are asked for in such blocks.

    Raises OSError for a path, and `Inaccessible` as `open_path` does; `Inaccessible` or `Unreadable` for a remote one.
    """
    return open_remote(source, block_bytes) if isinstance(source, Remote) else open_path(source)


def recovered(source: Source) -> Recovery | None:
    """What was made of a recording that was never finished; None for any other. Raises like `open_video`."""
    with _told(source), open_source(source) as file:
        return unfinished(source, file)


def _streams(source: Source, held: ExitStack, clock_hz: int | None) -> tuple[InputContainer, VideoStream]:
    """The container, rebuilt where its camera did not finish it, and its main video stream."""
    try:
        target = _target(source, held, clock_hz is not None, clock_hz)
        container = held.enter_context(_opened(source, target, {}))
        return container, _main_stream(source, container)
    except (Unreadable, NoVideoStream):
        target = _target(source, held, whatever_its_index=True, clock_hz=clock_hz)
        if not isinstance(target, Finished):
            raise
        container = held.enter_context(_opened(source, target, {}))
        return container, _main_stream(source, container)


def _target(
    source: Source, held: ExitStack, whatever_its_index: bool = False, clock_hz: int | None = None
) -> str | BinaryIO | Finished:
    """What the demuxer reads: the open file, a path's by name, because FFmpeg reads that by itself."""
    with _told(source):
        file = held.enter_context(open_source(source))
        found = unfinished(source, file, whatever_its_index, clock_hz)
        if found is not None:
            return _finished(found, file)
        if isinstance(source, Remote):
            return file
        target = by_name(file)
        return f"file:{target}" if isinstance(target, str) else target


def _finished(found: Recovery, file: BinaryIO) -> Finished:
    return Finished(found.head, file, file.seek(0, os.SEEK_END))


def _opened(source: Source, target: str | BinaryIO | io.RawIOBase, options: dict[str, str]) -> InputContainer:
    with _told(source):
        return av.open(target, "r", options=_SAFELY | options, buffer_size=IO_BYTES)


@contextmanager
def _told(source: Source) -> Iterator[None]:
    """What goes wrong while a file is opened, as a sentence about it."""
    name = shown(source)
    try:
        yield
    except FileNotFoundError as problem:
        raise Inaccessible(f"{name} is not there any more. Is its disk connected?") from problem
    except PermissionError as problem:
        raise Inaccessible(f"{name} may not be read any more. Check who may read it.") from problem
    except (av.error.FFmpegError, OSError, ValueError) as problem:
        check_reads(source, problem)
        try:
            why = _why_not_opened(source)
        except OSError:
            raise Inaccessible(f"{name} is no file, or cannot be read. Check the path.") from problem
        raise Unreadable(why) from problem


def _main_stream(source: Source, container: InputContainer) -> VideoStream:
    name = shown(source)
    streams = [stream for stream in container.streams.video if not stream.disposition & STILL]
    if not streams:
        raise NoVideoStream(f"{name} holds sound or data but no video. Check that it is the recording that you meant.")
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise Unreadable(f"{name} is coded in a way that is not known here. Convert it to H.264 and submit it again.")
    stream = max(known, key=lambda stream: (stream.width or 0) * (stream.height or 0))
    if (stream.width or 0) * (stream.height or 0) > FRAME_PIXELS:
        raise Unreadable(
            f"{name} claims pictures of {stream.width} x {stream.height} pixels; {FRAME_PIXELS // 10**6} million pixels"
            " are the most that are decoded. Convert it to a smaller size."
        )
    return stream


def _why_not_opened(source: Source) -> str:
    with open_source(source) as file:
        size = file.seek(0, os.SEEK_END)
        where = outline(file, size)
    if where is not None and is_too_far(source, size):
        return (
            f"{shown(source)} has no index (moov) that can be read, as after a power cut, and is too large to be"
            " searched for pictures where it lies. Copy it to a disk of this machine and submit it there."
        )
    if where is not None and not where.indexed:
        return (
            f"{shown(source)} was never finished by the camera: its index (moov) is missing, as after a power cut, and"
            " its pictures were not found or could not be decoded. Put a whole recording of the same camera into its"
            " folder and submit it again."
        )
    return not_media(source)


def not_media(source: Source) -> str:
    """The sentence for a file that nothing can be made of."""
    return (
        f"{shown(source)} is not a video or photo that can be read, whatever its name says."
        " Check that it plays in a media player, and copy it from the camera again."
    )


@dataclass(slots=True)
class Survey:
    """What the packets of a file say, gathered in the order of storage."""

    #: Seconds per tick of the video stream.
    time_base: Fraction
    #: pts of the frames that will be shown, in the order of storage.
    pts: list[int] = field(default_factory=list)
    keyframes: list[int] = field(default_factory=list)
    #: pts just after the last frame, as far as its packet says how long it is shown.
    end_pts: int = 0
    #: Where the last packet of each stream ends, in ticks of its own clock, which stands beside it: by stream index.
    ends: dict[int, tuple[int, Fraction]] = field(default_factory=dict)
    #: The video's packets bear times, and these run forward.
    timed: bool = True
    #: Packets of the video stream.
    packets: int = 0
    #: The last packet of the video is there in part only.
    cut: bool = False
    #: The container could not be read to its end.
    broken: bool = False
    _last_dts: int | None = None

    @property
    def end_s(self) -> float:
        """Seconds at which the last packet of any stream ends, on the container's clock."""
        return max((float(ticks * clock) for ticks, clock in self.ends.values()), default=0.0)

    def see(self, packet: Packet[Stream], video: bool) -> None:
        """Takes note of one packet; a day's video has a million."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            end, index = stamp + (packet.duration or 0), packet.stream_index
            if end > self.ends.get(index, (0, 0))[0]:
                self.ends[index] = end, packet.time_base
        if not video:
            return
        self.packets += 1
        self.cut = packet.is_corrupt
        if stamp is None:
            self.timed = False
            return
        self._watch_clock(packet.dts)
        if packet.is_keyframe:
            self.keyframes.append(stamp)
        if not packet.is_discard:
            self.pts.append(stamp)
            self.end_pts = max(self.end_pts, stamp + (packet.duration or 0))

    def _watch_clock(self, dts: int | None) -> None:
        if dts is None:
            return
        back = 0 if self._last_dts is None else self._last_dts - dts
        if back > 0 and back * self.time_base > CLOCK_RESET_S:
            self.timed = False
        self._last_dts = dts


def survey(container: InputContainer, stream: VideoStream) -> Survey:
    """Reads all packets of all streams; damage ends the reading and is noted, not raised."""
    found = Survey(time_base=stream.time_base or Fraction(1, 1000))
    found.timed = not untimed(container, stream)
    try:
        for packet in container.demux():
            advance()
            if packet.size:
                found.see(packet, packet.stream_index == stream.index)
    except (av.error.FFmpegError, OSError):
        found.broken = True
    return found


def untimed(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the kind of container alone says that its time stamps cannot be trusted."""
    kind = container.format.name
    # AVI stores the order of storage; with B-frames that is not the order of showing.
    return kind in UNTIMED_FORMATS or (kind == "avi" and bool(stream.codec_context.has_b_frames))


def announced_rate(stream: VideoStream) -> Fraction:
    """Frames a second that the stream says of itself."""
    for rate in (stream.codec_context.framerate, stream.average_rate, stream.guessed_rate):
        if rate and LEAST_RATE <= rate <= MOST_RATE:
            return Fraction(rate)
    return USUAL_RATE
