"""Of which videos of a job others are told what was found."""

from __future__ import annotations

from enum import StrEnum


class Alerts(StrEnum):
    """Of which videos sightings and hits are told."""

    #: Those that were recorded within a day before they were submitted, as far as their files say: an old drive that is
    #: filled in alerts nobody.
    RECENT = "recent"
    ALL = "all"
    NONE = "none"
