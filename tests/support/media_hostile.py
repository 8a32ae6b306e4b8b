"""Files that try to wear a reader out: some of them are large, so each is made where it is wanted."""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.frame import VideoFrame

from tests.support.media_files import CLOCK_HZ, TIDY, video_stream, write_clip, written


def long_video(folder: Path, hours: float = 12) -> Path:
    """One encoded minute over and over: 160 x 90, a keyframe each second, 50 MB an hour."""
    minute = write_clip(folder / "minute.mp4", replace(TIDY, width=160, height=90, fps=10, gop=10, seconds=60))
    path = folder / "long.mp4"
    with av.open(str(minute)) as source, av.open(str(path), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        stamps = [(cast(int, packet.pts), cast(int, packet.dts)) for packet in packets]
        for number in range(round(60 * hours)):
            for packet, (pts, dts) in zip(packets, stamps, strict=True):
                packet.pts, packet.dts = (stamp + number * 60 * CLOCK_HZ for stamp in (pts, dts))
                packet.stream = copy
                out.mux_one(packet)
    minute.unlink()
    return path


def eight_k(folder: Path) -> Path:
    """7680 x 4320, 12 frames; each takes 100 MB as BGR."""
    flat = np.full((4320, 7680, 3), 90, np.uint8)
    path = folder / "eight_k.mp4"
    with av.open(str(path), "w") as out:
        stream = video_stream(out, replace(TIDY, width=7680, height=4320, fps=12, gop=6))
        for index in range(12):
            flat[:1000, :1000] = 20 * index
            frame = VideoFrame.from_ndarray(flat, "bgr24")
            frame.pts, frame.time_base = index * (CLOCK_HZ // 12), Fraction(1, CLOCK_HZ)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def one_a_second(folder: Path) -> Path:
    """A time lapse: one frame a second, for half a minute."""
    return write_clip(folder / "one_a_second.mp4", replace(TIDY, fps=1, seconds=30, gop=5))


def slow_motion(folder: Path) -> Path:
    """240 frames a second."""
    return write_clip(folder / "slow_motion.mp4", replace(TIDY, fps=240, seconds=3, gop=240))


def one_keyframe(folder: Path) -> Path:
    """Its first frame is its only keyframe, so that it can be entered nowhere else."""
    return write_clip(folder / "one_keyframe.mp4", replace(TIDY, seconds=30, fps=10, gop=100_000))


def zip_bomb(path: Path) -> Path:
    """64 MB of zeros in 64 KB, under whatever name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mp4", bytes(64 * 1024 * 1024))
    return path


def png_bomb(path: Path, width: int = 60_000, height: int = 60_000) -> Path:
    """A PNG whose header claims that size, over a few rows of data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes((width + 1) * min(height, 100))))
    return written(path, b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b""))
