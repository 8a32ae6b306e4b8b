"""What is asked for with a job: typed by a user, stored with the job as JSON, obeyed by every worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pipeline.alerts import Alerts
from pipeline.detection.segment import SAMPLE_FPS


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What travels with a job and is stored with it."""

    countries: tuple[str, ...] = ()
    sample_fps: float = SAMPLE_FPS
    #: Look for plates in a clock, logo or speed on screen too.
    keep_overlays: bool = False
    #: A PaddleOCR model name or the path of a model folder, and what runs it; None leaves it to the workers' settings.
    reader: str | None = None
    reader_engine: str | None = None
    #: Keep the crops and frames that results come from.
    evidence: bool = True
    #: Store plates as keyed hashes, which can be matched and not read.
    hashed: bool = False
    #: Name of the key that they are hashed with.
    plate_key: str | None = None
    #: Of which videos endpoints are told what was found.
    alerts: Alerts = Alerts.RECENT
    #: When the recording began, in ISO 8601; of a job with one file.
    clock: str | None = None
    #: The zone of the cameras' clocks: a name of the tz database, or an offset such as `+02:00`.
    timezone: str | None = None
    #: By how many seconds the cameras' clocks are fast; None leaves it to the workers' file of cameras.
    clock_offset_s: float | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> JobOptions:
        """The options of a stored job. What an earlier version did not know has its default."""
        known = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        return cls(
            **{
                **known,
                "countries": tuple(known.get("countries", ())),
                "alerts": Alerts(known.get("alerts", Alerts.RECENT)),
            }
        )

    def as_json(self) -> dict[str, Any]:
        """As it is stored; the key is named for hashed plates alone."""
        stored = {field.name: getattr(self, field.name) for field in fields(self)}
        stored["countries"] = list(self.countries)
        if self.plate_key is None:
            del stored["plate_key"]
        return stored

    @property
    def keeps_pictures(self) -> bool:
        """Whether crops and frames outlive the end of their video. A picture shows the plate, so hashing implies no."""
        return self.evidence and not self.hashed

    @property
    def folders(self) -> list[Path]:
        """Folders that workers must be allowed to read for it, beside those of the videos."""
        return [Path(self.reader)] if self.reader and Path(self.reader).is_absolute() else []
