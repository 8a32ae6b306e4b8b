"""Maker of the media files that the tests feed to Dashplate: tidy clips, and every kind of broken one.

Everything is made with PyAV, OpenCV and numpy; no ffmpeg binary is needed. Each maker takes a folder,
writes one file into it and returns its path; `make_all` makes them all.

    files = make_all(tmp_path)
    files["noise"]      # a path
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tests.support.moving_texture import picture

#: Ticks a second of the clips' pts.
CLOCK_HZ = 90_000
#: Bytes of noise that `noise` writes over the middle of the file.
NOISE_BYTES = 20_000
#: Samples a second of the tone.
TONE_HZ = 48_000

#: Made files by their makers' names.
Files = dict[str, Path]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a clip is made; the standing values make a tidy one."""

    width: int = 640
    height: int = 360
    seconds: float = 6.0
    fps: int = 30
    codec: str = "libx264"
    pixels: str = "yuv420p"
    #: Frames from one keyframe to the next.
    gop: int = 30
    #: Degrees counter-clockwise that a player turns the picture by.
    rotation: int = 0
    #: Options of the encoder.
    options: dict[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "bf": "0"}, hash=False)
    #: Options of the container.
    container: dict[str, str] = field(default_factory=dict, hash=False)
    #: With a tone beside the picture.
    sound: bool = False


TIDY = Recipe()
B_FRAMES = replace(TIDY, options={"preset": "veryfast", "bf": "3", "sc_threshold": "0"})
OPEN_GOP = replace(B_FRAMES, options=B_FRAMES.options | {"x264-params": "open-gop=1:scenecut=0"})


def write_clip(path: Path, recipe: Recipe = TIDY, pts: Sequence[int] | None = None) -> Path:
    """Writes a clip; `pts` in ticks of `CLOCK_HZ` replaces the even spacing and says how many frames."""
    return written(path, _encoded(recipe, None if pts is None else tuple(pts), path.suffix))


@cache
def _encoded(recipe: Recipe, pts: tuple[int, ...] | None, suffix: str) -> bytes:
    """The clip as a file of that kind; many tests want the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        _encode(path, recipe, pts)
        return path.read_bytes()


def _encode(path: Path, recipe: Recipe, pts: tuple[int, ...] | None) -> None:
    step = CLOCK_HZ // recipe.fps
    stamps = pts if pts is not None else [i * step for i in range(round(recipe.seconds * recipe.fps))]
    with av.open(str(path), "w", options=dict(recipe.container)) as out:
        stream = video_stream(out, recipe)
        if recipe.sound:
            _write_tone(out, (stamps[-1] + step) / CLOCK_HZ)
        for index, stamp in enumerate(stamps):
            frame = VideoFrame.from_ndarray(picture(index, recipe.width, recipe.height), "bgr24")
            frame.pts, frame.time_base = stamp, Fraction(1, CLOCK_HZ)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def video_stream(out: OutputContainer, recipe: Recipe) -> VideoStream:
    stream = cast(VideoStream, out.add_stream(recipe.codec, rate=recipe.fps, options=dict(recipe.options)))
    stream.width, stream.height, stream.pix_fmt = recipe.width, recipe.height, recipe.pixels
    stream.codec_context.gop_size = recipe.gop
    # AVI and MPEG-4 count frames; the others keep the fine clock.
    if out.format.name != "avi":
        stream.codec_context.time_base = Fraction(1, CLOCK_HZ)
    if recipe.rotation:
        stream.set_display_rotation(recipe.rotation)
    return stream


def _write_tone(out: OutputContainer, seconds: float) -> None:
    stream = out.add_stream("aac", rate=TONE_HZ)
    time = np.arange(round(seconds * TONE_HZ)) / TONE_HZ
    samples = (0.2 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    for start in range(0, len(samples), 1024):
        frame = AudioFrame.from_ndarray(samples[None, start : start + 1024].copy(), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = TONE_HZ, start, Fraction(1, TONE_HZ)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


# --- clips in good order


def tidy(folder: Path) -> Path:
    """6 s, 640 x 360, 30 frames a second, a keyframe each second."""
    return write_clip(folder / "tidy.mp4")


def with_sound(folder: Path) -> Path:
    return write_clip(folder / "with_sound.mp4", replace(TIDY, sound=True))


def b_frames(folder: Path) -> Path:
    return write_clip(folder / "b_frames.mp4", B_FRAMES)


def open_gop(folder: Path) -> Path:
    """Leading frames after each keyframe are shown before it and need the frames that precede it."""
    return write_clip(folder / "open_gop.mp4", OPEN_GOP)


def hevc_open_gop(folder: Path) -> Path:
    quiet = {"preset": "ultrafast", "x265-params": "open-gop=1:bframes=3:log-level=none:scenecut=0"}
    return write_clip(folder / "hevc_open_gop.mp4", replace(TIDY, codec="libx265", options=quiet))


def variable_rate(folder: Path) -> Path:
    """30 frames a second, then 10, then a gap of 2 s, then 24: the frame number says nothing about time."""
    steps = [3_000] * 60 + [9_000] * 30 + [180_000] + [3_750] * 48
    stamps = np.concatenate([[0], np.cumsum(steps)]).tolist()
    return write_clip(folder / "variable_rate.mp4", B_FRAMES, stamps)


def late_start(folder: Path) -> Path:
    """An MPEG transport stream: its first pts is not zero and it announces no duration."""
    return write_clip(folder / "late_start.ts", B_FRAMES)


def matroska(folder: Path) -> Path:
    """Time in milliseconds, so 30 frames a second are not evenly spaced."""
    return write_clip(folder / "matroska.mkv", B_FRAMES)


def avi_mjpeg(folder: Path) -> Path:
    recipe = replace(TIDY, codec="mjpeg", pixels="yuvj420p", seconds=2, options={})
    return write_clip(folder / "avi_mjpeg.avi", recipe)


def avi_h264(folder: Path) -> Path:
    """AVI knows no pts, only the order of storage; with B-frames that is not the order of showing."""
    return write_clip(folder / "avi_h264.avi", replace(B_FRAMES, seconds=2))


def raw_h264(folder: Path) -> Path:
    """A bare stream: no container, no time stamps at all."""
    return write_clip(folder / "raw_h264.h264", B_FRAMES)


def starts_inside(folder: Path) -> Path:
    """Cut without re-encoding: an edit list begins the showing half a second after the first keyframe."""
    stamps = [3_000 * i - 45_000 for i in range(90)]
    recipe = replace(TIDY, container={"avoid_negative_ts": "disabled"})
    return write_clip(folder / "starts_inside.mp4", recipe, stamps)


def rotated(folder: Path, degrees: int = 90) -> Path:
    """Stored 640 x 360, shown turned by `degrees` counter-clockwise."""
    return write_clip(folder / f"rotated_{degrees}.mp4", replace(TIDY, rotation=degrees, seconds=2))


def single_frame(folder: Path) -> Path:
    return write_clip(folder / "single_frame.mp4", TIDY, [0])


def ten_bit(folder: Path) -> Path:
    return write_clip(folder / "ten_bit.mp4", replace(TIDY, pixels="yuv420p10le", seconds=2))


def odd_size(folder: Path) -> Path:
    """641 x 361: odd both ways, which only full chroma can store."""
    recipe = replace(TIDY, width=641, height=361, pixels="yuv444p", seconds=2)
    return write_clip(folder / "odd_size.mp4", recipe)


def size_change(folder: Path) -> Path:
    """A transport stream of 640 x 360 that goes on at 320 x 180, as cameras do that are switched over."""
    first, second = folder / "size_change_1.ts", folder / "size_change.ts"
    write_clip(first, replace(TIDY, seconds=2))
    small = replace(TIDY, width=320, height=180)
    write_clip(second, small, [180_000 + 3_000 * i for i in range(60)])
    second.write_bytes(first.read_bytes() + second.read_bytes())
    first.unlink()
    return second


# --- broken and foreign files


def zero_bytes(folder: Path) -> Path:
    return written(folder / "zero_bytes.mp4", b"")


def text(folder: Path) -> Path:
    return written(folder / "text.mp4", b"This is not a video, whatever its name says.\n" * 200)


def audio_only(folder: Path) -> Path:
    path = folder / "audio_only.mp4"
    with av.open(str(path), "w") as out:
        _write_tone(out, 2)
    return path


def cover_art(folder: Path) -> Path:
    """Sound with a still picture attached, as music files have."""
    path = folder / "cover_art.mp4"
    still = cv2.imencode(".jpg", picture(0, 320, 320))[1].tobytes()
    with av.open(str(path), "w") as out:
        cover = out.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 320, 320, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        _write_tone(out, 2)
        packet = av.Packet(still)
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = cover, 0, 0, True
        out.mux(packet)
    return path


def no_moov(folder: Path) -> Path:
    """The index stands at the end of the file and was never written, as after a power cut."""
    data = _bytes_of(folder, TIDY)
    return written(folder / "no_moov.mp4", data[: data.rindex(b"moov") - 4])


def half(folder: Path) -> Path:
    """The index stands first and announces all of it; the second half of the file is gone."""
    data = _bytes_of(folder, replace(TIDY, container={"movflags": "faststart"}))
    return written(folder / "half.mp4", data[: len(data) // 2])


def half_fragmented(folder: Path) -> Path:
    """Fragmented MP4, as many cameras write so that a power cut costs little; cut in half."""
    data = _bytes_of(folder, replace(TIDY, container={"movflags": "frag_keyframe+empty_moov"}))
    return written(folder / "half_fragmented.mp4", data[: len(data) // 2])


def noise(folder: Path) -> Path:
    """`NOISE_BYTES` in the middle of the file overwritten; index and later keyframes are whole."""
    data = bytearray(_bytes_of(folder, TIDY))
    start = len(data) // 2
    data[start : start + NOISE_BYTES] = np.random.default_rng(1).bytes(NOISE_BYTES)
    return written(folder / "noise.mp4", bytes(data))


def undecodable(folder: Path) -> Path:
    """A whole index over nothing but noise."""
    data = bytearray(_bytes_of(folder, replace(TIDY, container={"movflags": "faststart"})))
    start = data.index(b"mdat") + 4
    data[start:] = np.random.default_rng(2).bytes(len(data) - start)
    return written(folder / "undecodable.mp4", bytes(data))


def _bytes_of(folder: Path, recipe: Recipe) -> bytes:
    scratch = folder / "scratch.mp4"
    data = write_clip(scratch, recipe).read_bytes()
    scratch.unlink()
    return data


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# --- photographs


def photo(folder: Path) -> Path:
    path = folder / "photo.jpg"
    cv2.imwrite(str(path), picture(0, 640, 360))
    return path


def photo_turned(folder: Path) -> Path:
    """Stored 640 x 360; EXIF orientation 6 says to show it turned a quarter clockwise."""
    jpeg = photo(folder).read_bytes()
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00" + b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00" + bytes(4)
    exif = b"Exif\x00\x00" + tiff
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    return written(folder / "photo_turned.jpg", jpeg[:2] + segment + jpeg[2:])


def photo_cut(folder: Path) -> Path:
    jpeg = photo(folder).read_bytes()
    return written(folder / "photo_cut.jpg", jpeg[: len(jpeg) // 2])


MAKERS: tuple[Callable[[Path], Path], ...] = (
    tidy, with_sound, b_frames, open_gop, hevc_open_gop, variable_rate, late_start, matroska, avi_mjpeg,
    avi_h264, raw_h264, starts_inside, rotated, single_frame, ten_bit, odd_size, size_change,
    zero_bytes, text, audio_only, cover_art, no_moov, half, half_fragmented, noise, undecodable,
    photo, photo_turned, photo_cut,
)  # fmt: skip


def make_all(folder: Path) -> Files:
    """Makes every file in `folder`; the keys are the makers' names."""
    folder.mkdir(parents=True, exist_ok=True)
    return {maker.__name__: maker(folder) for maker in MAKERS}
