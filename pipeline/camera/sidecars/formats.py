"""Which formats there are, and by which endings of file names they go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.camera.records import Track
from pipeline.camera.sidecars import escort, gpx, kml, nmea, seventymai, subtitles

#: Takes all of a file. None for one of another format, or without a position; raises errors of the project alone.
Reader: TypeAlias = Callable[[bytes], Track | None]


@dataclass(frozen=True, slots=True)
class Format:
    #: In lower case.
    endings: frozenset[str]
    read: Reader


FORMATS = (
    Format(frozenset((".gpx",)), gpx.read),
    Format(frozenset((".nmea", ".nme", ".gps", ".log", ".txt")), nmea.read),
    Format(frozenset((".map",)), escort.read),
    Format(frozenset((".txt",)), seventymai.read),
    Format(frozenset((".kml",)), kml.read),
    Format(frozenset((".srt",)), subtitles.read),
)

#: In the order of preference, where several files lie beside one video.
ENDINGS = tuple(dict.fromkeys(ending for known in FORMATS for ending in sorted(known.endings)))


def read(data: bytes, ending: str) -> Track | None:
    """The track in a file whose name ends so; None where none of the formats that go by that ending finds one.

    Raises BrokenMarkup for XML that cannot be read.
    """
    for known in FORMATS:
        if ending.lower() in known.endings and (track := known.read(data)) is not None:
            return track
    return None
