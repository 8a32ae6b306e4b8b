"""When what happens in a drive of a fleet: its clips, its tunnel, and what the camera's clock shows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from synthesis.scene import DriveSpec

CAMERAS = ("front", "rear")
#: As BlackVue names its files.
_LETTERS = {"front": "F", "rear": "R"}
_TUNNEL_S = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A drive through the night in which the clocks are put back, with a clock that is fast.

    Seconds are those of the traffic, which has begun a little before the recording does. A car is followed at the
    traffic's start and every 20 s from then on, so that one is in sight over each cut, whatever the seed.
    """

    seed: int = 7
    clips: int = 3
    clip_s: float = 20.0
    traffic_s: float = 64.5
    #: When the recording begins: in the middle of the time for which a car is followed closely.
    from_s: float = 32 / 15
    fps: int = 15
    width: int = 1280
    height: int = 720
    plates: int = 22
    zone: str = "Europe/Berlin"
    #: By so much the camera's clock is fast, and its file names with it.
    clock_ahead_s: float = 47.0
    #: The true moment of the first frame: by the camera's clock, the clocks go back in the second clip.
    began_at: dt.datetime = dt.datetime(2026, 10, 25, 0, 58, 50, 400_000, tzinfo=dt.UTC)
    start: tuple[float, float] = (52.5163, 13.3777)
    bearing_deg: float = 262.0

    @property
    def until_s(self) -> float:
        """When the recording ends."""
        return self.begins_s(self.clips)

    @property
    def tunnel(self) -> tuple[float, float]:
        """From when until when no satellite is seen: over the last cut."""
        until_s = self.begins_s(self.clips - 1) + min(6.0, self.clip_s / 3)
        return until_s - _TUNNEL_S, until_s

    def begins_s(self, clip: int) -> float:
        """Return when a clip begins."""
        return self.from_s + clip * self.clip_s

    def spec(self, camera: str) -> DriveSpec:
        """Return what is rendered for a camera."""
        return DriveSpec(
            self.seed, self.traffic_s, self.fps, self.width, self.height, self.plates, rear=camera == "rear",
            clock_start=self._fast(0.0), clock_zone=self.zone,
        )  # fmt: skip

    def frames(self, clip: int) -> range:
        """Return the frames of a clip."""
        return range(round(self.begins_s(clip) * self.fps), round(self.begins_s(clip + 1) * self.fps))

    def moment(self, time_s: float) -> dt.datetime:
        """Return the true moment of a second, in UTC."""
        return self.began_at + dt.timedelta(seconds=time_s - self.from_s)

    def shown(self, time_s: float) -> dt.datetime:
        """Return what the camera's clock shows then, without a zone: the local time, too fast."""
        return self._fast(time_s).astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)

    def _fast(self, time_s: float) -> dt.datetime:
        """What the camera takes for the moment."""
        return self.moment(time_s) + dt.timedelta(seconds=self.clock_ahead_s)

    def file_name(self, clip: int, camera: str) -> str:
        """Return the name that the camera gives a clip."""
        return f"{self.shown(self.begins_s(clip)):%Y%m%d_%H%M%S}_N{_LETTERS[camera]}.mp4"
