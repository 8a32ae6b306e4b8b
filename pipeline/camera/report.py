"""All that a look at one file tells: what it holds, how sound it is, when and where it was recorded.

For people who want to know what Dashplate makes of a file, before anything is detected. A file without pictures is
looked at for its clock and its track too, and so is a file that lies beside videos and holds a track.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePath

from pipeline.camera.clock.claims import track_claims
from pipeline.camera.clock.judge import clock_of
from pipeline.camera.clock.options import ClockOptions
from pipeline.camera.file_names import named
from pipeline.camera.media import NOTHING_SAID, WhenAndWhere, when_and_where
from pipeline.camera.on_screen.on_the_road import with_screen
from pipeline.camera.on_screen.text import TextReader
from pipeline.camera.records import Track
from pipeline.camera.sidecars import formats
from pipeline.camera.sidecars.folder import LARGEST_BYTES, Allowed
from pipeline.camera.tracks.sense import checked
from pipeline.errors import DashplateError, Inaccessible, MediaError, Unreadable
from pipeline.records import MediaInfo
from pipeline.sources.expand import MEDIA_EXTENSIONS
from pipeline.sources.source import Source, shown
from pipeline.video.container import open_source
from pipeline.video.mp4.outline import MP4, Outline, is_large, outline
from pipeline.video.mp4.tags import MAKE_TAGS, MODEL_TAGS, tagged
from pipeline.video.probe import probe
from pipeline.video.recorded import recorded


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at a file tells."""

    source: Source
    found: WhenAndWhere
    #: None where nothing can be made of it as a container.
    outline: Outline | None = None
    #: None where it gives no pictures, or was too large to be read to its end.
    media: MediaInfo | None = None
    #: What is wrong with it, in sentences.
    damage: str | None = None
    #: Why it gives neither pictures nor a track; None where it does.
    error: DashplateError | None = None

    @property
    def duration_s(self) -> float | None:
        if self.media is not None:
            return self.media.duration_s
        return None if self.outline is None else self.outline.announced_s


def report_on(
    source: Source,
    options: ClockOptions = NOTHING_SAID,
    *,
    allowed: Allowed | None = None,
    screen: Callable[[], TextReader] | None = None,
) -> Report:
    """A look at a file; what is wrong with it is said, not raised.

    `allowed` says which files beside it may be opened, see `sidecar_track`. With `screen`, which loads a reader, the
    clock on screen is read too, and held against what else tells the time. Raises Away where it cannot be reached now.
    """
    if source.suffix.lower() in formats.ENDINGS and source.suffix.lower() not in MEDIA_EXTENSIONS:
        return _on_track_file(source, options)
    seen = _outlined(source)
    media, error = _probed(source, seen)
    metadata = {} if seen is None else seen.tags
    said = recorded(source, metadata)
    length_s = None if seen is None else seen.announced_s
    found = when_and_where(source, media, options, recorded=said, length_s=length_s, allowed=allowed)
    if media is None and found.make is None:
        found = replace(found, make=tagged(metadata, MAKE_TAGS), model=tagged(metadata, MODEL_TAGS))
    if screen is not None and media is not None:
        known = replace(media, make=found.make, model=found.model)
        found = replace(found, clock=with_screen(known, found.clock, options, screen()))
    damage = str(error) if error is not None else media.problem if media is not None else None
    return Report(source, found, seen, media, damage, error)


def _outlined(source: Source) -> Outline | None:
    try:
        return outline(source)
    except (MediaError, OSError):
        return None


def _probed(source: Source, seen: Outline | None) -> tuple[MediaInfo | None, MediaError | None]:
    """What the probe says, or why it says nothing; neither where reading all of the file would take too long."""
    try:
        if seen is not None and seen.container != MP4 and is_large(source, _size(source)):
            return None, None
        return probe(source), None
    except Inaccessible as problem:
        return None, problem
    except MediaError as problem:
        return None, problem


def _size(source: Source) -> int:
    try:
        with open_source(source) as file:
            return file.seek(0, os.SEEK_END)
    except OSError:
        return 0


# A file that lies beside videos


def _on_track_file(source: Source, options: ClockOptions) -> Report:
    track, error = _track_in(source)
    if track is None:
        nothing = WhenAndWhere(None, None, named(PurePath(source.name)), None, None)
        return Report(source, nothing, damage=str(error), error=error)
    # By itself it is a recording of its own, whatever videos it covers.
    whole = replace(track, tells_start=True)
    camera = options.for_camera(source, track.make, track.model)
    clock = clock_of(track_claims(whole), camera.zone)
    return Report(source, WhenAndWhere(track.make, track.model, named(PurePath(source.name)), clock, track))


def _track_in(source: Source) -> tuple[Track | None, MediaError | None]:
    name = shown(source)
    try:
        with open_source(source) as file:
            data = file.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            return None, Unreadable(f"{name} is larger than {LARGEST_BYTES >> 20} MB, and no track of one camera.")
        track = formats.read(data, source.suffix)
    except MediaError as problem:
        return None, problem
    except (DashplateError, OSError, ValueError) as problem:
        reason = f" {problem}" if isinstance(problem, DashplateError) else " Check the path and its disk."
        return None, Unreadable(f"{name} cannot be read.{reason}")
    if track is None:
        return None, Unreadable(f"{name} holds no track that is known here. Check that it is the file that you meant.")
    return checked(track), None
