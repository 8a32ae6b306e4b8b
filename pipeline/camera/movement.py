"""How another vehicle moved against the camera's own, as far as the picture says.

A plate's width in the picture is the inverse of its distance, so the rate at which it grows is the speed of approach
over the distance. The distance itself follows from the plate's width, but for the lens and for the plate's true width,
which are not known: it may be off by a factor of two. What holds over that whole range is said, and nothing else.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.records import Box, Observation

#: A box is this far off in its width, as a share of it.
_WIDTH_ERROR = 0.04
#: Shorter than this a plate's growth says nothing.
_LEAST_S = 0.3
#: Nearer to the frame's edge than this, a box may end with the frame, pixels.
_EDGE_PX = 2.0
#: Metres of distance for a plate whose width is the whole frame's: half the frame's width of focal length times a plate
#: of 0.42 m; dashcams have .3 to 1.2 of the frame's width, plates .3 to .52 m.
_FRAME_FILLED_M = 0.21
#: ... so that a distance may be this many times as large or as small.
_DISTANCE_FACTOR = 2.2
#: The camera's vehicle stands below, and drives from, metres a second.
_STANDING_MPS, _DRIVING_MPS = 0.5, 3.0
#: What closes in at less than this share of the camera's own speed drives along with it; what stands, at all of it;
#: what closes in at more than this many times as much comes towards it.
_ALONG, _TOWARDS = 0.35, 1.2
#: A plate that moved by less than this many of its widths within at least so many seconds stands, if the camera does.
_UNMOVED_WIDTHS, _UNMOVED_S = 0.3, 1.0


class Movement(enum.StrEnum):
    """How a vehicle moved."""

    #: It stood, and so did the camera's.
    STANDING = "standing"
    #: Towards the camera.
    ONCOMING = "oncoming"
    #: The camera's way, at about its speed.
    SAME_DIRECTION = "same direction"
    #: The camera's way, and faster.
    OVERTAKING = "overtaking"


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast a plate grew in the picture."""

    #: Natural logarithm of its width, a second; negative while it goes away.
    rate: float
    #: Standard error of that.
    error: float
    #: Its width in the middle, as a share of the frame's.
    share: float
    lasted_s: float


def movement_of(
    seen: Sequence[Observation], frame_px: tuple[int, int], own_mps: float | None, looks_back: bool = False
) -> Movement | None:
    """How the vehicle of a plate moved, from where the plate was seen; None where the picture leaves it open.

    `frame_px` is the frame's width and height, `own_mps` the camera's own speed then. Without that nothing is said: a
    parked car grows in the picture of one that drives as an oncoming one does in that of one that stands. To a camera
    that `looks_back`, what comes nearer is faster, and what is left behind is slower.
    """
    growth = growth_of(seen, frame_px)
    if growth is None or own_mps is None:
        return None
    if looks_back:
        growth = replace(growth, rate=-growth.rate)
    grows, shrinks = growth.rate > 2 * growth.error, growth.rate < -2 * growth.error
    if own_mps < _STANDING_MPS:
        if grows:
            return Movement.ONCOMING
        if shrinks:
            return Movement.SAME_DIRECTION
        return Movement.STANDING if growth.lasted_s >= _UNMOVED_S and _is_unmoved(seen) else None
    if own_mps < _DRIVING_MPS:
        return None
    if shrinks:
        return Movement.OVERTAKING
    # Of the camera's own speed, at the least and at the most.
    closing = growth.rate * _FRAME_FILLED_M / growth.share / own_mps
    if (abs(closing) + 2 * growth.error * _FRAME_FILLED_M / growth.share / own_mps) * _DISTANCE_FACTOR < _ALONG:
        return Movement.SAME_DIRECTION
    return Movement.ONCOMING if grows and closing / _DISTANCE_FACTOR > _TOWARDS else None


def growth_of(seen: Sequence[Observation], frame_px: tuple[int, int]) -> Growth | None:
    """The straight line through the logarithms of a plate's widths; None where too little of it was seen.

    Boxes at the frame's edge are left out: the frame may cut the plate off.
    """
    whole = list({one.time_s: one for one in seen if _is_inside(one.box, frame_px)}.values())
    if len(whole) < 2:
        return None
    times = [one.time_s for one in whole]
    lasted_s = max(times) - min(times)
    if lasted_s < _LEAST_S:
        return None
    logs = [math.log(one.box.width) for one in whole]
    mean_s, mean_log = sum(times) / len(times), sum(logs) / len(logs)
    spread = sum((time - mean_s) ** 2 for time in times)
    rate = sum((time - mean_s) * (log - mean_log) for time, log in zip(times, logs, strict=True)) / spread
    return Growth(rate, _WIDTH_ERROR / math.sqrt(spread), math.exp(mean_log) / frame_px[0], lasted_s)


def _is_inside(box: Box, frame_px: tuple[int, int]) -> bool:
    width, height = frame_px
    inside = box.x1 > _EDGE_PX and box.y1 > _EDGE_PX and box.x2 < width - _EDGE_PX and box.y2 < height - _EDGE_PX
    return inside and box.width > 0


def _is_unmoved(seen: Sequence[Observation]) -> bool:
    (x0, y0), (x1, y1) = seen[0].box.centre, seen[-1].box.centre
    return math.hypot(x1 - x0, y1 - y0) < _UNMOVED_WIDTHS * max(one.box.width for one in seen)
