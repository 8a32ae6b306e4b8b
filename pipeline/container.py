"""Opens a video's container and reads its packets without decoding: about 20 microseconds each.

Times are the stream's own presentation time stamps. Some streams carry none that can be trusted: bare
H.264, AVI with B-frames, joined transport streams whose clock starts anew. Their frames are counted instead:
`time_base` is one frame, pts is the frame's number, and `keyframes` is empty, because one cannot start to
count in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from pipeline.errors import Inaccessible, NoVideoStream, Unreadable

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


@contextmanager
def open_video(path: Path, threads: int = 2) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its main video stream: the largest that is not a still picture.

    Raises `Inaccessible`, `Unreadable` or `NoVideoStream`.
    """
    try:
        # The prefix keeps a name such as `concat:a|b` or `http:x` from being taken for an address.
        container = av.open(f"file:{path.absolute()}", options={"format_whitelist": FORMATS})
    except FileNotFoundError as problem:
        raise Inaccessible(f"{path.name} is not there any more. Is its disk connected?") from problem
    except PermissionError as problem:
        raise Inaccessible(f"{path.name} may not be read any more. Check who may read it.") from problem
    except (av.error.FFmpegError, OSError, ValueError) as problem:
        raise Unreadable(_why_not_opened(path)) from problem
    with container:
        stream = _main_stream(path, container)
        # PyAV's standing choice, threads by slice, turns H.264's concealment of errors off, and with it
        # `is_corrupt`; threads by frame are faster as well.
        stream.thread_type, stream.thread_count = ThreadType.AUTO, threads
        yield container, stream


def _main_stream(path: Path, container: InputContainer) -> VideoStream:
    streams = [stream for stream in container.streams.video if not stream.disposition & STILL]
    if not streams:
        raise NoVideoStream(
            f"{path.name} holds sound or data but no video. Check that it is the recording that you meant."
        )
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise Unreadable(
            f"{path.name} is coded in a way that is not known here. Convert it to H.264 and submit it again."
        )
    return max(known, key=lambda stream: (stream.width or 0) * (stream.height or 0))


def _why_not_opened(path: Path) -> str:
    boxes = set(_top_boxes(path))
    if b"mdat" in boxes and b"moov" not in boxes:
        return (
            f"{path.name} was never finished by the camera: its index (moov) is missing,"
            " as after a power cut. Copy it from the memory card again, or rebuild the index"
            " with a repair tool such as untrunc."
        )
    return (
        f"{path.name} is not a video or photo that can be read, whatever its name says."
        " Check that it plays in a media player, and copy it from the camera again."
    )


def _top_boxes(path: Path) -> Iterator[bytes]:
    """The kinds of an MP4's outermost boxes; anything at all for a file that is not one."""
    with path.open("rb") as file:
        while len(header := file.read(16)) >= 8:
            size = int.from_bytes(header[:4], "big")
            if size == 1:
                size = int.from_bytes(header[8:], "big")
            yield header[4:8]
            if size < 8:
                return
            file.seek(size - len(header), 1)


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
    #: Seconds at which the last packet of any stream ends, on the container's clock.
    end_s: float = 0.0
    #: The video's packets bear times, and these run forward.
    timed: bool = True
    #: Packets of the video stream.
    packets: int = 0
    #: The last packet of the video is there in part only.
    cut: bool = False
    #: The container could not be read to its end.
    broken: bool = False
    _last_dts: int | None = None

    def see(self, packet: Packet[Stream], video: bool) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self.end_s = max(self.end_s, float((stamp + (packet.duration or 0)) * packet.time_base))
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
        if self._last_dts is not None and (self._last_dts - dts) * self.time_base > CLOCK_RESET_S:
            self.timed = False
        self._last_dts = dts


def survey(container: InputContainer, stream: VideoStream) -> Survey:
    """Reads all packets of all streams; damage ends the reading and is noted, not raised."""
    found = Survey(time_base=stream.time_base or Fraction(1, 1000))
    found.timed = not untimed(container, stream)
    try:
        for packet in container.demux():
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
