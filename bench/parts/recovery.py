"""What is recovered of recordings that were never finished: `python -m bench.parts.recovery [--plates] VIDEO...`.

Each video loses its index, and then its end or 1 % of its media data, with a whole recording of the same camera beside
it and without. Counted are frames that come out as they do of the whole file, of those that could: whatever they are
decoded from is still there. With `--plates` the whole road is run: plates that are read, of those that it reads of the
whole file in frames that could come out.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from pipeline.errors import MediaError
from pipeline.records import MediaInfo
from pipeline.run import ModelConfig, run
from pipeline.video.container import open_video
from pipeline.video.decode import decode
from pipeline.video.mp4.index import boxes
from pipeline.video.probe import probe
from pipeline.video.split import split
from synthesis.drive import render_drive

#: Share of the media data that is overwritten, and bytes that are overwritten in a row.
_SHARE, _BLOCK_BYTES = 0.01, 4096
_DATA = Path("../shared/data")


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file's bytes without its index, and which of them are as they were."""

    kind: str
    data: bytes
    #: Parts that are gone or overwritten, as positions in the whole file.
    lost: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """A recording in good order."""

    path: Path
    #: Frames by time, as hashes of their pictures.
    frames: tuple[bytes, ...]
    #: For each frame in order of time, the bytes that it is decoded from: from its keyframe's first to its last.
    needs: tuple[tuple[int, int], ...]
    #: Text and the frame that it was read from, as its number.
    plates: tuple[tuple[str, int], ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table; exit with 1 where less than 95 % comes out of what could."""
    parser = argparse.ArgumentParser(prog="bench.parts.recovery", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="*", help="those of ../shared/data/video and a drive by default")
    parser.add_argument("--plates", action="store_true", help="run the whole road")
    parser.add_argument("--seed", type=int, default=1, help="where is cut and overwritten")
    asked = parser.parse_args(argv)
    short = 0
    print(f"{'video':32} {'damage':24} {'beside':8} {'frames':>12} {'plates':>8}")
    with tempfile.TemporaryDirectory(prefix="dashplate-recovery-") as place:
        for path in asked.videos or _usual(Path(place)):
            whole = _whole(path, asked.plates)
            for damaged in _damages(path, asked.seed):
                for beside in (False, True):
                    short += _line(whole, damaged, beside, Path(place) / "card", asked.plates)
    return 1 if short else 0


def _usual(place: Path) -> list[Path]:
    drive = place / "drive.mp4"
    render_drive(drive)
    return [*sorted((_DATA / "video").glob("*.mp4")), drive]


def _whole(path: Path, plates: bool) -> Whole:
    media = probe(path)
    frames = tuple(_frames(media))
    read: tuple[tuple[str, int], ...] = ()
    if plates:
        found = run(path, ModelConfig())
        times = [round(media.seconds(pts), 6) for pts in _shown(path)]
        read = tuple(
            (sighting.text, int(np.argmin(np.abs(np.array(times) - sighting.best.time_s))))
            for sighting in found.sightings
        )
    return Whole(path, frames, tuple(_needs(path)), read)


def _frames(media: MediaInfo) -> Iterator[bytes]:
    for span in split(media):
        for frame in decode(media, span):
            yield blake2b(np.ascontiguousarray(frame.image[::4, ::4]).tobytes(), digest_size=8).digest()


def _shown(path: Path) -> list[int]:
    with open_video(path) as (container, stream):
        return sorted(packet.pts for packet in container.demux(stream) if packet.size and packet.pts is not None)


def _needs(path: Path) -> Iterator[tuple[int, int]]:
    spans: list[tuple[int, tuple[int, int]]] = []
    start = 0
    with open_video(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None and packet.pos is not None:
                start = packet.pos if packet.is_keyframe else start
                spans.append((packet.pts, (start, packet.pos + packet.size)))
    yield from (span for _, span in sorted(spans))


def _damages(path: Path, seed: int) -> Iterator[Damaged]:
    data = path.read_bytes()
    with path.open("rb") as file:
        found = list(boxes(file, len(data)))
    start, end = next((start, end) for kind, start, end in found if kind == b"mdat")
    bare = b"".join(
        data[begin - 8 : min(stop, end)] for kind, begin, stop in found if kind != b"moov" and begin <= start
    )
    shift = start - (len(bare) - (end - start))
    random = np.random.default_rng(seed)
    yield Damaged("index cut off", bare, ())
    cut = int(random.integers(start + (end - start) // 3, end))
    yield Damaged("cut at a random byte", bare[: cut - shift], ((cut, end),))
    size = int(_SHARE * (end - start))
    at = int(random.integers(start, end - size))
    yield _overwritten("1 % in one piece", bare, shift, [(at, at + size)], random)
    count = max(1, size // _BLOCK_BYTES)
    places = [(int(at), int(at) + _BLOCK_BYTES) for at in random.integers(start, end - _BLOCK_BYTES, count)]
    yield _overwritten("1 % in pieces of 4 KB", bare, shift, places, random)
    yield _overwritten(
        "1 % of single bytes", bare, shift, [(int(a), int(a) + 1) for a in random.integers(start, end, size)], random
    )


def _overwritten(
    kind: str, bare: bytes, shift: int, places: list[tuple[int, int]], random: np.random.Generator
) -> Damaged:
    data = bytearray(bare)
    for start, end in places:
        data[start - shift : end - shift] = random.bytes(end - start)
    return Damaged(kind, bytes(data), tuple(places))


def _line(whole: Whole, damaged: Damaged, beside: bool, card: Path, plates: bool) -> bool:
    """Prints what comes of one damaged file; whether it is too little."""
    shutil.rmtree(card, ignore_errors=True)
    card.mkdir()
    path = card / f"REC_0002{whole.path.suffix}"
    path.write_bytes(damaged.data)
    if beside:
        shutil.copy(whole.path, card / f"REC_0001{whole.path.suffix}")
    lost = np.array(damaged.lost, np.int64).reshape(-1, 2)
    could = [not ((lost[:, 0] < end) & (lost[:, 1] > start)).any() for start, end in whole.needs]
    try:
        frames = set(_frames(probe(path)))
        texts = [sighting.text for sighting in run(path, ModelConfig()).sightings] if plates else []
    except MediaError as problem:
        frames, texts = set(), []
        print(f"  {problem}")
    wanted = [frame for frame, fits in zip(whole.frames, could, strict=True) if fits]
    came = sum(frame in frames for frame in wanted)
    asked = [text for text, number in whole.plates if could[number]]
    read = sum(text in texts for text in asked)
    told = f"{read} of {len(asked)}" if plates else "–"
    print(
        f"{whole.path.name:32.32} {damaged.kind:24} {'sibling' if beside else 'nothing':8} "
        f"{f'{came} of {len(wanted)}':>12} {told:>8}",
        flush=True,
    )
    return came < 0.95 * len(wanted) or read < 0.95 * len(asked)


if __name__ == "__main__":
    sys.exit(main())
