"""A plate where it hangs: bodywork around it, a frame with a dealer's text, a recess, a lamp's light, a shadow."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.records import Box, Image
from synthesis.layouts.characters import pick, word
from synthesis.layouts.colours import BLACK, WHITE, Colour, Paint, brightness, readable_on
from synthesis.layouts.furniture import lay, small_print
from synthesis.lettering.scripts import script_mask
from synthesis.patches import soft_patches

Rng = np.random.Generator

#: Room around a plate, a share of its height per row.
_ROOM = 0.45
#: Chances of a frame, of a dealer's text on it, of a recess in the bodywork, of a line of other print nearby, and of a
#: number that is painted onto the bodywork itself.
_FRAME, _DEALER, _RECESS, _PRINT, _PAINTED_ON = 0.45, 0.45, 0.4, 0.12, 0.06
#: Bodywork, BGR: white, silver, black, grey, blue, red, lorry yellow, green; any other as well.
_BODIES: tuple[Colour, ...] = (
    (225, 225, 225), (170, 172, 172), (30, 30, 30), (90, 90, 92), (110, 60, 30), (35, 30, 130),
    (40, 160, 210), (60, 90, 40),
)  # fmt: skip


def mounted(plate: Image, rows: int, rng: Rng) -> tuple[Image, Box]:
    """Return a plate with what lies around it, BGR, and its box in that picture, in pixels."""
    high, wide = plate.shape[:2]
    room = round(high / rows * _ROOM)
    around = _bodywork(high + 2 * room, wide + 2 * room, rng)
    painted_on = rng.random() < _PAINTED_ON
    if painted_on:
        around[:] = np.median(plate[[0, -1]].reshape(-1, 3), axis=0)
    elif rng.random() < _RECESS:
        _recess(around, room, rng)
    if not painted_on and rng.random() < _FRAME:
        frame = [round(high / rows * rng.uniform(0.03, 0.12)) for _ in range(4)]
        dealer = rng.random() < _DEALER
        if dealer:
            frame[int(rng.choice([1, 3], p=[0.25, 0.75]))] = round(high / rows * rng.uniform(0.13, 0.26))
        _frame(around, (room, room, room + wide, room + high), frame, dealer, rng)
    elif rng.random() < _PRINT:
        _other_print(around, room, rng)
    around[room : room + high, room : room + wide] = plate
    box = Box(room, room, room + wide, room + high)
    return np.clip(around, 0, 255).astype(np.uint8), box


def _bodywork(high: int, wide: int, rng: Rng) -> Paint:
    """Return painted metal or plastic under a run of light, with edges of bumpers and boot lids, or a grille."""
    colour = np.array(_BODIES[int(rng.integers(len(_BODIES)))], np.float32)
    if rng.random() < 0.25:
        colour = rng.integers(0, 256, 3).astype(np.float32)
    light = np.linspace(rng.uniform(0.6, 1.2), rng.uniform(0.4, 1.1), high, dtype=np.float32)[:, None, None]
    body = np.ascontiguousarray(np.broadcast_to(colour * light, (high, wide, 3)), np.float32)
    for _ in range(int(rng.integers(0, 4))):
        level, thick = int(rng.integers(0, high)), max(1, round(high * rng.uniform(0.01, 0.08)))
        body[level : level + thick] *= np.float32(rng.uniform(0.25, 1.5))
    if rng.random() < 0.12:
        period = max(4, round(high * rng.uniform(0.06, 0.16)))
        body[(np.arange(high) % period) < period * 0.4] *= np.float32(0.3)
    return body * soft_patches(rng.normal(1, 0.08, (4, 8)), high, wide)[..., None]


def _recess(around: Paint, room: int, rng: Rng) -> None:
    """Sink the plate's place into the bodywork, its upper part in shade."""
    inset = round(room * rng.uniform(0.2, 0.8))
    inner = around[inset:-inset, inset:-inset] if inset else around
    inner *= np.float32(rng.uniform(0.3, 0.9))
    inner[: max(1, round(room * 0.6))] *= np.float32(rng.uniform(0.4, 0.8))


def _frame(around: Paint, plate: tuple[int, int, int, int], widths: list[int], dealer: bool, rng: Rng) -> None:
    """Draw a frame, its widths left, top, right and bottom, and a dealer's text on its widest side."""
    left, top, right, bottom = plate
    colour: Colour = (BLACK, BLACK, BLACK, (60, 60, 60), WHITE, (170, 175, 175), (150, 60, 30), (30, 30, 160))[
        int(rng.integers(8))
    ]
    outer = (left - widths[0], top - widths[1], right + widths[2], bottom + widths[3])
    around[max(0, outer[1]) : outer[3], max(0, outer[0]) : outer[2]] = colour
    edge = [min(255, channel * 1.3 + 25) for channel in colour]
    cv2.rectangle(around, (outer[0], outer[1]), (outer[2] - 1, outer[3] - 1), edge, 1, cv2.LINE_AA)
    if not dealer:
        return
    above = widths[1] > widths[3]
    strip = widths[1] if above else widths[3]
    height = max(5, round(strip * rng.uniform(0.45, 0.75)))
    mask = script_mask(_dealer(rng), height, face=pick(rng, ("sans", "serif", "sans")), weight=700)[
        :, : right - left - 4
    ]
    x = left + (right - left - mask.shape[1]) // 2
    y = (outer[1] if above else bottom) + (strip - height) // 2
    lay(
        around,
        mask,
        (x, y),
        readable_on(colour, rng) if rng.random() < 0.5 else WHITE if brightness(colour) < 120 else BLACK,
    )


def _dealer(rng: Rng) -> str:
    name = word(rng, int(rng.integers(3, 9)))
    tail = pick(rng, ("", " AUTO", " MOTORS", " GmbH", ".com", " CARS", " 0800 " + str(int(rng.integers(1000, 9999)))))
    return name + tail if rng.random() < 0.6 else f"www.{name.lower()}.{pick(rng, ('com', 'de', 'net', 'co.uk'))}"


def _other_print(around: Paint, room: int, rng: Rng) -> None:
    """Write something onto the bodywork above or below the plate: a model's name, a slogan on a lorry."""
    height = max(6, round(room * rng.uniform(0.3, 0.6)))
    mask = script_mask(small_print(rng), height, face="sans", weight=700)[:, : around.shape[1] - 4]
    x = int(rng.integers(0, max(1, around.shape[1] - mask.shape[1])))
    y = (room - height) // 2 if rng.random() < 0.5 else around.shape[0] - room + (room - height) // 2
    lay(around, mask, (x, y), WHITE if around.mean() < 128 else BLACK)
