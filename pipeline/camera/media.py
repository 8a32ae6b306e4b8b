"""When and where a recording was made, beside what the probe has learnt of its pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pipeline.camera.clock.claims import file_claims, name_claim, track_claims
from pipeline.camera.clock.judge import clock_of
from pipeline.camera.clock.options import ClockOptions, corrected
from pipeline.camera.clock.roll_over import NOTE, weeks_behind, with_weeks
from pipeline.camera.file_names import Named, container_is_local, named
from pipeline.camera.records import Clock, ClockClaim, Track
from pipeline.camera.sidecars.folder import Allowed
from pipeline.camera.tracks.track import Tracks, tracks_of
from pipeline.errors import Away, OutOfTime
from pipeline.records import MediaInfo, MediaKind, Recorded, RecordedFrom
from pipeline.sources.source import Source, shown
from pipeline.utc import as_utc
from pipeline.video.recorded import written_at

log = logging.getLogger(__name__)

NOTHING_SAID = ClockOptions()


@dataclass(frozen=True, slots=True)
class WhenAndWhere:
    """What a recording's name, its metadata and the files beside it say."""

    make: str | None
    model: str | None
    named: Named
    clock: Clock | None
    track: Track | None
    #: Sentences on what could not be read, and on what disagrees.
    problems: tuple[str, ...] = ()


def with_when_and_where(
    media: MediaInfo,
    options: ClockOptions = NOTHING_SAID,
    *,
    allowed: Allowed | None = None,
    claims: Iterable[ClockClaim] = (),
) -> MediaInfo:
    """What the probe has learnt, with the recording's clock, its track, and the camera.

    `allowed` is for the files beside it, see `sidecar_track`; `claims` are further ones on its start, as that of the
    clock on screen. What cannot be read is left out. Raises Away where the file cannot be reached any more.
    """
    found = when_and_where(media.path, media, options, allowed=allowed, claims=claims)
    recorded = media.recorded
    if found.clock is not None:
        recorded = Recorded(as_utc(found.clock.start.at), found.clock.start.told_by)
    return replace(
        media,
        make=found.make,
        model=found.model,
        camera=found.named.camera,
        clock=found.clock,
        track=found.track,
        recorded=recorded,
    )


def when_and_where(
    source: Source,
    media: MediaInfo | None,
    options: ClockOptions = NOTHING_SAID,
    *,
    recorded: Recorded | None = None,
    length_s: float | None = None,
    allowed: Allowed | None = None,
    claims: Iterable[ClockClaim] = (),
) -> WhenAndWhere:
    """The same, also of a file without pictures: `media` is None then, and its container says when and how long."""
    if media is not None:
        length_s = None if media.kind is MediaKind.PHOTO else media.duration_s
    said = _Said(source, media, options, named("/".join(source.parts)), recorded, tuple(claims), length_s or 0.0)
    first = said.clock(None, ())
    tracks = Tracks()
    if media is None or media.kind is MediaKind.VIDEO:
        tracks = _tracks(source, allowed, _to_cut_by(first), length_s)
    return said.with_tracks(tracks)


@dataclass(frozen=True, slots=True)
class _Said:
    """What is known of a recording before its track is."""

    source: Source
    media: MediaInfo | None
    options: ClockOptions
    named: Named
    recorded: Recorded | None
    claims: tuple[ClockClaim, ...]
    length_s: float

    def with_tracks(self, tracks: Tracks) -> WhenAndWhere:
        best = tracks.best
        notes: tuple[str, ...] = ()
        found = [track for track in (best, tracks.other) if track is not None]
        if best is not None and weeks_behind(best, self._plain(best)):
            best, notes = with_weeks(best), (NOTE,)
            found[0] = best
        clock = self.clock(best, found)
        if clock is not None and notes:
            clock = replace(clock, notes=(*notes, *clock.notes))
        make, model = self._make(best)
        return WhenAndWhere(make, model, self.named, clock, best, tracks.problems)

    def clock(self, best: Track | None, tracks: Iterable[Track]) -> Clock | None:
        camera = self.options.for_camera(self.source, *self._make(best))
        told = [*self._plain(best), *(claim for track in tracks for claim in track_claims(track))]
        return clock_of((corrected(claim, camera) for claim in told), camera.zone)

    def _plain(self, track: Track | None) -> Iterator[ClockClaim]:
        """What is said without a track; of a track, the make counts."""
        if self.options.given is not None:
            yield self.options.given
        if (by_name := name_claim(self.named)) is not None:
            yield by_name
        yield from self.claims
        local = container_is_local(self._make(track)[0])
        recorded = self.recorded if self.media is None else self.media.recorded
        yield from file_claims(recorded, written_at(self.source), self.length_s, local)

    def _make(self, track: Track | None) -> tuple[str | None, str | None]:
        """Who made the camera: by its metadata, by the container's, by the form of the name."""
        if track is not None and track.make is not None:
            return track.make, track.model
        if self.media is not None and self.media.make is not None:
            return self.media.make, self.media.model
        return self.named.make, None


def _to_cut_by(clock: Clock | None) -> Clock | None:
    """By what a log of a whole drive is cut to the video; the time of a copy says nothing of the video's minutes."""
    return None if clock is None or clock.start.told_by is RecordedFrom.FILE else clock


def _tracks(source: Source, allowed: Allowed | None, clock: Clock | None, length_s: float | None) -> Tracks:
    """What lies inside and beside; whatever goes wrong there, the video has its pictures."""
    try:
        return tracks_of(source, allowed=allowed, clock=clock, length_s=length_s)
    except (Away, OutOfTime):
        raise
    except Exception as problem:
        log.warning("The track of %s cannot be read.", shown(source), exc_info=problem)
        return Tracks(problems=(f"The track of {shown(source)} cannot be read.",))
