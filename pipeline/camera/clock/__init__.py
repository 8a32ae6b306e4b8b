"""The clock of a recording: what its sources say of its start, and which of them is believed.

`claims` gathers them, `cameras` puts right what a camera's clock is known to be off by, `zones` knows time zones, and
`judge` chooses.
"""

from pipeline.camera.clock.cameras import CameraClock, camera_clocks
from pipeline.camera.clock.judge import clock_of, with_claim
from pipeline.camera.clock.options import ClockOptions, clock_options
from pipeline.camera.clock.zones import spelled, zone_named

__all__ = [
    "CameraClock",
    "ClockOptions",
    "camera_clocks",
    "clock_of",
    "clock_options",
    "spelled",
    "with_claim",
    "zone_named",
]
