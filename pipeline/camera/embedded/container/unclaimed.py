"""Media data that no track names: cameras interleave their own blocks with the pictures, some without any list."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from pipeline.camera.embedded.container.bounded import BoundedFile
from pipeline.camera.embedded.container.boxes import Box
from pipeline.camera.embedded.container.timed import Chunk, TimedTrack, evenly

#: A block with a position is no smaller.
LEAST_GAP_BYTES = 48
#: Looked at first; where none of these begins with a block of the camera's, the others do not either.
PROBED_GAPS = 24
MOST_GAPS = 900


def gaps(media: Sequence[Box], chunks: Sequence[Chunk]) -> list[Box]:
    """The stretches of the media data between the tracks' chunks, in order; none where the tracks name nothing."""
    found: list[Box] = []
    if not chunks:
        return found
    claimed = sorted((chunk.at, chunk.at + chunk.length) for chunk in chunks)
    for mdat in media:
        at = mdat.start
        for start, end in claimed[bisect_right(claimed, (mdat.start, 0)) :]:
            if start >= mdat.end:
                break
            if start - at >= LEAST_GAP_BYTES:
                found.append(Box(b"gap ", at, start))
            at = max(at, end)
        if mdat.end - at >= LEAST_GAP_BYTES:
            found.append(Box(b"gap ", at, mdat.end))
    return found


def blocks_in_gaps(file: BoundedFile, found: Sequence[Box], magic: bytes, lead: int, length: int) -> list[Box]:
    """The gaps that begin with a block: `magic` stands `lead` bytes behind its beginning."""

    def begins(gap: Box) -> bool:
        return file.read(gap.start, length)[lead : lead + len(magic)] == magic

    if not any(begins(gap) for gap in evenly(found, PROBED_GAPS)):
        return []
    return [gap for gap in evenly(found, MOST_GAPS) if begins(gap)]


class Timeline:
    """When what lies at a place in the file was recorded, by the pictures around it; right to a chunk's length."""

    def __init__(self, file: BoundedFile, tracks: Sequence[TimedTrack]) -> None:
        video = next((track for track in tracks if track.handler == b"vide"), None)
        chunks = sorted((chunk.at, chunk.start_s) for chunk in video.chunks(file)) if video else []
        self._places = [at for at, _ in chunks]
        self._starts = [start for _, start in chunks]

    def at(self, place: int) -> float | None:
        """Seconds since the first frame; None where no frame lies before it."""
        number = bisect_right(self._places, place)
        if number == 0:
            return 0.0 if self._places else None
        return self._starts[number - 1]
