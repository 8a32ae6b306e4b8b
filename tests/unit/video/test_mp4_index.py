"""An MP4's index tells all that the probe learns from the whole file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.video.container import open_packets, survey
from pipeline.video.mp4.index import Mp4Index, boxes
from pipeline.video.probe import probe
from tests.support import media_files

MAKERS = (
    media_files.tidy, media_files.with_sound, media_files.b_frames, media_files.open_gop, media_files.hevc_open_gop,
    media_files.variable_rate, media_files.starts_inside, media_files.rotated, media_files.single_frame,
    media_files.ten_bit, media_files.half, media_files.half_fragmented, media_files.late_start, media_files.matroska,
    media_files.avi_h264, media_files.raw_h264,
)  # fmt: skip


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_the_index_says_what_the_whole_file_says(
    tmp_path: Path, maker: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = maker(tmp_path)
    whole = probe(path)
    with open_packets(path) as (container, stream):
        packets = survey(container, stream)
    monkeypatch.setattr("pipeline.video.container.WHOLE_BYTES", -1)
    assert probe(path) == whole
    with open_packets(path) as (container, stream):
        assert survey(container, stream) == packets


class Counting(io.BytesIO):
    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


def test_no_media_data_is_read(tmp_path: Path) -> None:
    data = media_files.tidy(tmp_path).read_bytes()
    [(start, end)] = [(start, end) for kind, start, end in boxes(io.BytesIO(data), len(data)) if kind == b"mdat"]
    file = Counting(data)
    view = Mp4Index(file, len(data))
    seen = b""
    while part := view.read(1000):
        seen += part
    assert seen == data[:start] + bytes(end - start) + data[end:]
    assert file.read_bytes < len(data) - (end - start) + 100
    assert view.seek(-5, io.SEEK_END) == len(data) - 5
    assert view.read() == data[-5:]
    view.close()
    assert file.closed


@pytest.mark.parametrize("data", [b"", b"abc", bytes(100), b"\xff" * 100, b"\0\0\0\x04mdat" + bytes(40)])
def test_what_is_no_mp4_ends_soon(data: bytes) -> None:
    assert len(list(boxes(io.BytesIO(data), len(data)))) <= 2
