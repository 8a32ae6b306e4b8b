"""Finds text that stands still on screen (clock, logo, speed), so that it is not read as a plate.

An overlay is drawn by the camera: its edges stay on exactly the same pixels while the picture behind it changes. So
the gradients of a few frames from all over the video are added up. Where they agree in nearly all frames something
stands still; where the picture as a whole stands still (a parked camera, a red light), nothing can be told apart and
nothing is masked. The sum of gradients is how watermarks are found by Dekel et al., "On the Effectiveness of Visible
Watermarks", CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.records import Box, Frame, Image, MediaInfo, MediaKind
from pipeline.video.keyframes import sample_keyframes

#: A shorter span proves nothing: for some seconds the plate of a car in front stands nearly as still.
LEAST_SPAN_S = 20.0
#: Fewer frames agree by chance.
LEAST_FRAMES = 6
#: More frames would overflow the sums, which are 16 bits wide.
MOST_FRAMES = 16
#: Frames are looked at in this size at most, pixels of the longer side; finer costs time and finds no more.
LONGEST_SIDE_PX = 1920
#: Sum of both Sobel derivatives that counts as an edge: a step of about 30 grey levels.
EDGE = 120
#: Share of the frames in which a pixel must be an edge: white text without outline vanishes before a white lorry. At
#: 0.7 the first places in real rides were taken for text that was none; at 0.8 none was in 238 segments of 3 rides.
PRESENT = 0.8
#: Share of its gradients that must be left when they are added up; they cancel out where the picture moves.
AGREEING = 0.85
#: A text row or logo, as parts of the picture's height.
LEAST_HEIGHT, MOST_HEIGHT = 0.012, 0.15
#: ModelConfig of one row lie at most this far apart, as a part of the picture's width: four changing digits.
ROW_GAP = 0.05
#: Share of a place's pixels that must be standing edges; text has 0.2 to 0.5, changing digits included.
LEAST_FILL = 0.08
#: A line longer than this part of the picture's width that fills less than that share of its box is the edge of a
#: bonnet, a windscreen or the picture.
LINE_LENGTH, LINE_FILL = 0.08, 0.15
#: Standing edges of fewer pixels are specks.
SPECK_PX = 3
#: Margin around a place as parts of its height, for the digits at a clock's end, which never stand still.
MARGIN_X, MARGIN_Y = 1.25, 0.25
#: Places that cover more of the picture than this are not believed, none of them.
MOST_COVER = 0.15
#: Share of the edges of one frame that another must have, for the two to show the same picture.
SAME_PICTURE = 0.4
#: Where more of the frames than this show the same picture, the camera stood. Well under PRESENT, for safety.
MOST_SAME = 0.5
#: Edges on the sampled grid that each frame needs to tell whether the picture moves; else it is too dark.
LEAST_EDGES = 60
#: The grid on which frames are compared with each other, pixels.
GRID_PX = 3
#: A detection that lies inside a place with more of its area than this is the overlay, not a plate.
COVERED = 0.6

_Mask: TypeAlias = NDArray[np.bool_]
_Sum: TypeAlias = NDArray[np.int16]


def with_overlays(info: MediaInfo) -> MediaInfo:
    """The video with the places of its overlays; photographs and unseekable streams stay without."""
    return info if info.kind is MediaKind.PHOTO else replace(info, overlays=find_overlays(sample_keyframes(info)))


def covered(box: Box, overlays: Iterable[Box]) -> bool:
    """Whether more than COVERED of a box lies inside one of the overlays."""
    return any(box.shared(overlay) > COVERED * box.area for overlay in overlays)


def find_overlays(frames: Iterable[Frame]) -> tuple[Box, ...]:
    """The places of standing text, with a margin, in pixels of the frames; empty where it cannot be told.

    `frames` are of one size, in order of time and spread over the whole video, about twelve of them, which take 0.1 s
    at 1080p; one is held at a time.
    """
    seen = _Seen()
    for frame in frames:
        seen.add(frame)
        if len(seen.edges) == MOST_FRAMES:
            break
    if len(seen.edges) < LEAST_FRAMES or seen.span_s < LEAST_SPAN_S:
        return ()
    still = seen.still()
    height, width = still.shape
    places = [_widened(place).clipped(width, height) for place in _places(still)]
    if not places or _cover(places, width, height) > MOST_COVER or not seen.moves(_outside(places, still)):
        return ()
    return tuple(_scaled(place, seen.scale) for place in places)


@dataclass(slots=True)
class _Sums:
    """Sums over the frames, (height, width) each."""

    gx: _Sum
    gy: _Sum
    #: Of the gradients' strengths.
    strength: _Sum
    #: Frames in which the pixel is an edge.
    present: NDArray[np.uint8]


class _Seen:
    """What the frames have in common."""

    def __init__(self) -> None:
        #: Pixels of the video per pixel looked at.
        self.scale = 1.0
        self.span_s = 0.0
        #: The edges of each frame on the grid.
        self.edges: list[_Mask] = []
        self._first_s: float | None = None
        self._sums: _Sums | None = None

    def add(self, frame: Frame) -> None:
        if self._first_s is None:
            self._first_s = frame.time_s
        self.span_s = frame.time_s - self._first_s
        grey, self.scale = _grey(frame.image)
        gx = cast(_Sum, cv2.Sobel(grey, cv2.CV_16S, 1, 0))
        gy = cast(_Sum, cv2.Sobel(grey, cv2.CV_16S, 0, 1))
        strength = np.abs(gx) + np.abs(gy)
        edge = strength >= EDGE
        self.edges.append(edge[::GRID_PX, ::GRID_PX].copy())
        if self._sums is None:
            self._sums = _Sums(gx, gy, strength, edge.view(np.uint8).copy())
            return
        for whole, part in ((self._sums.gx, gx), (self._sums.gy, gy), (self._sums.strength, strength)):
            cv2.add(whole, part, dst=whole)
        cv2.add(self._sums.present, edge.view(np.uint8), dst=self._sums.present)

    def still(self) -> _Mask:
        """The pixels that are the same edge in nearly all frames."""
        assert self._sums is not None
        sums = self._sums
        present: _Mask = sums.present >= np.ceil(PRESENT * len(self.edges))
        still = np.zeros_like(present)
        left = np.abs(sums.gx[present]) + np.abs(sums.gy[present]).astype(np.int32)
        still[present] = left >= AGREEING * sums.strength[present]
        return still

    def moves(self, outside: _Mask) -> bool:
        """Whether the picture changes where `outside` is set; False too where it shows too little to tell."""
        edges = np.stack([edge[outside[::GRID_PX, ::GRID_PX]] for edge in self.edges]).astype(np.float32)
        counts = edges.sum(axis=1)
        enough = counts >= LEAST_EDGES
        if enough.mean() < PRESENT:
            return False
        edges, counts = edges[enough], counts[enough]
        alike = edges @ edges.T >= SAME_PICTURE * np.minimum.outer(counts, counts)
        return bool(alike.mean(axis=1).max() <= MOST_SAME)


def _grey(image: Image) -> tuple[NDArray[np.uint8], float]:
    """(height, width) uint8, and the pixels of the image per pixel of it."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    scale = max(1.0, max(grey.shape) / LONGEST_SIDE_PX)
    if scale > 1.0:
        size = (round(grey.shape[1] / scale), round(grey.shape[0] / scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return cast(NDArray[np.uint8], grey), scale


def _places(still: _Mask) -> list[Box]:
    """The text rows and logos among the standing edges."""
    height, width = still.shape
    glyphs = _without_lines(still)
    kernel = np.ones((max(3, height // 120), max(3, round(ROW_GAP * width))), np.uint8)
    rows = cv2.morphologyEx(glyphs.view(np.uint8), cv2.MORPH_CLOSE, kernel)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rows)
    edges = np.bincount(labels[glyphs], minlength=len(stats))
    return [
        Box(x, y, x + w, y + h)
        for (x, y, w, h, _), count in zip(stats[1:].tolist(), edges[1:].tolist(), strict=True)
        if LEAST_HEIGHT * height <= h <= MOST_HEIGHT * height and count >= LEAST_FILL * w * h
    ]


def _without_lines(still: _Mask) -> _Mask:
    """The standing edges without specks, and without the long lines of bonnets, windscreens and picture borders."""
    height, width = still.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats(still.view(np.uint8))
    w, h, area = (stats[:, i].astype(float) for i in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    specks = area < SPECK_PX
    lines = (w > LINE_LENGTH * width) & ((area < LINE_FILL * w * h) | (h < LEAST_HEIGHT * height))
    wanted = ~(specks | lines | (h > MOST_HEIGHT * height))
    wanted[0] = False
    return cast(_Mask, wanted[labels])


def _widened(place: Box) -> Box:
    return place.grown(MARGIN_X * place.height, MARGIN_Y * place.height)


def _cover(places: list[Box], width: int, height: int) -> float:
    return sum(place.area for place in places) / (width * height)


def _outside(places: list[Box], still: _Mask) -> _Mask:
    outside = np.ones_like(still)
    for place in places:
        outside[int(place.y1) : int(place.y2) + 1, int(place.x1) : int(place.x2) + 1] = False
    return outside


def _scaled(place: Box, scale: float) -> Box:
    return Box(place.x1 * scale, place.y1 * scale, place.x2 * scale, place.y2 * scale)
