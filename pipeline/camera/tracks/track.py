"""The track of a video: what lies inside it or beside it, checked for sense, and what they disagree on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from pipeline.camera.embedded import embedded_track
from pipeline.camera.records import Clock, Track
from pipeline.camera.sidecars.beside import sidecar_track
from pipeline.camera.sidecars.folder import Allowed
from pipeline.camera.timing import began_by_track, since_s
from pipeline.camera.tracks import geometry
from pipeline.camera.tracks.place import parts, places_at
from pipeline.camera.tracks.sense import checked
from pipeline.errors import DashplateError, MediaError
from pipeline.sources.source import Source, shown
from pipeline.video.container import open_source

#: Two receivers in one vehicle, and the second between their fixes, leave less than this between them.
_SAME_PLACE_M = 100.0
#: Of a remote video: what is looked for lies in small pieces all over the file.
_BLOCK_BYTES = 64 * 1024
#: They are compared at each second of so much of the video.
_COMPARED_S = 600


@dataclass(frozen=True, slots=True)
class Tracks:
    """All that was found of a video's track."""

    #: The one to use; None where there is none.
    best: Track | None = None
    #: The other one, where the video and a file beside it both hold one.
    other: Track | None = None
    #: Sentences on what could not be read, and on what disagrees.
    problems: tuple[str, ...] = ()


def track_of(
    source: Source,
    *,
    allowed: Allowed | None = None,
    clock: Clock | None = None,
    length_s: float | None = None,
) -> Track | None:
    """The best track of a video, checked for sense; None where there is none. See `tracks_of`."""
    return tracks_of(source, allowed=allowed, clock=clock, length_s=length_s).best


def tracks_of(
    source: Source,
    *,
    allowed: Allowed | None = None,
    clock: Clock | None = None,
    length_s: float | None = None,
) -> Tracks:
    """What lies inside a video and beside it, each checked for sense.

    The better one is that with more believed fixes in time; of two alike it is the video's own, which cannot be mixed
    up. `allowed`, `clock` and `length_s` are for the files beside it, see `sidecar_track`; the clock's day
    also completes the dates inside. A track that cannot be read
    is a sentence among the problems. Raises like `open_source` where the video itself cannot be opened or read.
    """
    problems: list[str] = []
    inside = _checked(_embedded(source, problems, clock))
    beside = _checked(sidecar_track(source, allowed=allowed, clock=clock, length_s=length_s, tell=problems.append))
    if inside is None or beside is None:
        return Tracks(inside or beside, None, tuple(problems))
    problems += _disagreement(inside, beside)
    ordered = (inside, beside) if _worth(inside) >= _worth(beside) else (beside, inside)
    return Tracks(*ordered, tuple(problems))


def _embedded(source: Source, problems: list[str], clock: Clock | None) -> Track | None:
    with open_source(source, _BLOCK_BYTES) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            return embedded_track(file, size, near=None if clock is None else clock.start.at.date())
        except MediaError:
            raise
        except DashplateError as problem:
            problems.append(f"The track inside {shown(source)} cannot be read. {problem}")
            return None


def _checked(track: Track | None) -> Track | None:
    return None if track is None else checked(track)


def _worth(track: Track) -> int:
    """How many of its fixes tell a place at a moment."""
    return sum(map(len, parts(track)))


def _disagreement(inside: Track, beside: Track) -> Iterator[str]:
    """What two tracks of one video say differently, as far as they can be compared."""
    began = began_by_track(inside), began_by_track(beside)
    if began[0] is not None and began[1] is not None:
        apart = since_s(began[0][0], began[1][0])
        if apart is not None and abs(apart) > began[0][1] + began[1][1]:
            direction = "earlier" if apart > 0 else "later"
            yield f"The file beside the video says that it began {abs(apart):.1f} s {direction} than the track inside."
    seconds = [float(second) for second in range(_COMPARED_S)]
    pairs = zip(places_at(inside, seconds), places_at(beside, seconds), strict=True)
    away = [geometry.distance_m(a.lat, a.lon, b.lat, b.lon) for a, b in pairs if a is not None and b is not None]
    if away and median(away) > _SAME_PLACE_M:
        yield f"The file beside the video says a place {median(away):,.0f} m from the one that the video says itself."
