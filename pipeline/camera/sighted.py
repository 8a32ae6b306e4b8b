"""Sightings on the road: where the camera was when each plate was read, and how the vehicle moved against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.camera.movement import movement_of
from pipeline.camera.tracks.place import Place, places_at
from pipeline.records import MediaInfo, Sighting

#: As `MediaInfo.camera` calls one that looks back.
_REAR = "rear"


def placed(sightings: Sequence[Sighting], media: MediaInfo) -> tuple[Sighting, ...]:
    """The sightings of a video with the place of its camera at the frame that was read, as far as its track says.

    The video's own clock says when fixes were that know no other time. How a vehicle moved is told by the camera's own
    speed then.
    """
    if media.track is None:
        return tuple(sightings)
    places = places_at(media.track, [one.best.time_s for one in sightings], media.clock)
    frame_px, looks_back = (media.width, media.height), media.camera == _REAR
    return tuple(
        replace(
            one,
            place=place,
            movement=movement_of((one.first, one.best, one.last), frame_px, _speed_mps(place), looks_back),
        )
        for one, place in zip(sightings, places, strict=True)
    )


def _speed_mps(place: Place | None) -> float | None:
    return None if place is None else place.speed_mps
