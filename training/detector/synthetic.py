"""Plates that were never photographed, and clutter that looks like a plate and is none."""

from __future__ import annotations

import string
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from .photos import Boxes, Image

#: Background and ink, BGR: white, yellow, black, red, blue, green, pale green (Chinese electric cars), grey.
_COLOURS = (
    ((235, 235, 235), (20, 20, 20)),
    ((235, 235, 235), (20, 20, 20)),
    ((235, 235, 235), (120, 40, 20)),
    ((240, 240, 240), (30, 30, 160)),
    ((40, 190, 240), (20, 20, 20)),
    ((30, 30, 30), (235, 235, 235)),
    ((30, 30, 170), (235, 235, 235)),
    ((150, 70, 20), (235, 235, 235)),
    ((60, 110, 20), (235, 235, 235)),
    ((170, 220, 160), (20, 20, 20)),
    ((160, 165, 160), (40, 40, 40)),
)
_WORDS = (
    "PIZZA", "Hotel", "TAXI", "Market", "OPEN", "SALE 50%", "Bank", "Cafe", "TRANSPORT", "www.rent.com",
    "0800 123 456", "Police", "BUS 42", "STOP", "Garage", "Turbo 16V", "TDI", "4x4", "Auto", "School",
    "EXIT 12", "A1 M25", "km 30", "Apotheke", "Salon", "PHARMACY", "24h", "For hire", "Express", "LOGISTICS",
)  # fmt: skip
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_COMPLEX)
_FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


def _plate_fonts() -> list[str]:
    files = sorted(str(path) for folder in _FONT_FOLDERS for path in folder.rglob("*.ttf"))
    return [path for path in files if "Bold" in path and "Oblique" not in path and "Italic" not in path]


class PlateMaker:
    """Draws plates, and takes real plate crops of `data/recognition` (training split), to be pasted."""

    def __init__(self, crops: list[Path]) -> None:
        self._crops = crops
        self._fonts = _plate_fonts()

    def plate(self, rng: np.random.Generator) -> Image:
        """Return one flat plate, BGR: a real crop, or a drawn one with one or two rows."""
        if self._crops and (rng.random() < 0.6 or not self._fonts):
            image = cv2.imread(str(self._crops[int(rng.integers(len(self._crops)))]))
            if image is not None:
                return np.asarray(image, np.uint8)
        return self._drawn(rng)

    def _drawn(self, rng: np.random.Generator) -> Image:
        two_rows = rng.random() < 0.55
        ratio = rng.uniform(1.1, 2.0) if two_rows else rng.uniform(2.0, 5.2)
        height = 110
        width = int(height * ratio)
        paper, ink = _COLOURS[int(rng.integers(len(_COLOURS)))]
        canvas = Pillow.new("RGB", (width, height), paper)
        pen = ImageDraw.Draw(canvas)
        edge = int(rng.integers(0, 6))
        if edge:
            pen.rectangle((2, 2, width - 3, height - 3), outline=ink, width=edge)
        left = 0
        if rng.random() < 0.3:
            left = int(width * 0.09)
            pen.rectangle((0, 0, left, height), fill=(160, 60, 10))
        rows = [_text(rng, 2, 5), _text(rng, 3, 5)] if two_rows else [_text(rng, 4, 8)]
        for index, row in enumerate(rows):
            share = height / len(rows)
            self._write(
                pen,
                row,
                (left + 8, int(index * share) + 6, width - 8, int((index + 1) * share) - 6),
                ink,
                rng,
            )
        return np.asarray(canvas, np.uint8).copy()

    def _write(
        self,
        pen: ImageDraw.ImageDraw,
        text: str,
        box: tuple[int, int, int, int],
        ink: tuple[int, int, int],
        rng: np.random.Generator,
    ) -> None:
        path = self._fonts[int(rng.integers(len(self._fonts)))]
        size = box[3] - box[1]
        font = ImageFont.truetype(path, size)
        while size > 12 and pen.textlength(text, font) > box[2] - box[0]:
            size -= 3
            font = ImageFont.truetype(path, size)
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        pen.text(centre, text, fill=ink, font=font, anchor="mm")


def _text(rng: np.random.Generator, low: int, high: int) -> str:
    length = int(rng.integers(low, high + 1))
    letters = int(rng.integers(0, length))
    head = "".join(rng.choice(list(string.ascii_uppercase), letters))
    tail = "".join(rng.choice(list(string.digits), length - letters))
    parts = [head, tail] if rng.random() < 0.7 else [tail, head]
    return str(rng.choice(["", " ", "-", "."])).join(part for part in parts if part)


def paste_plate(image: Image, boxes: Boxes, plate: Image, width_px: float, rng: np.random.Generator) -> Boxes:
    """Draw `plate` into `image` in place, in perspective, clear of `boxes`; return all boxes."""
    tall, wide = image.shape[:2]
    height_px = width_px * plate.shape[0] / plate.shape[1] * rng.uniform(0.85, 1.15)
    if width_px >= wide * 0.95 or height_px >= tall * 0.95:
        return boxes
    x, y = rng.uniform(0, wide - width_px), rng.uniform(0, tall - height_px)
    corners = np.array([[x, y], [x + width_px, y], [x + width_px, y + height_px], [x, y + height_px]])
    corners += rng.normal(0, 0.04, (4, 2)) * [width_px, height_px]
    corners[[1, 2], 1] += rng.normal(0, 0.06) * width_px
    (x1, y1), (x2, y2) = corners.min(0), corners.max(0)
    if x1 < 0 or y1 < 0 or x2 > wide or y2 > tall or _touches(boxes, (x1, y1, x2, y2)):
        return boxes
    _lay(image, plate, corners, rng)
    return np.vstack([boxes, np.array([[x1, y1, x2, y2]], np.float32)]).astype(np.float32)


def _touches(boxes: Boxes, box: tuple[float, float, float, float]) -> bool:
    if not len(boxes):
        return False
    apart = (boxes[:, 2] < box[0]) | (boxes[:, 0] > box[2]) | (boxes[:, 3] < box[1]) | (boxes[:, 1] > box[3])
    return not bool(apart.all())


def _lay(image: Image, plate: Image, corners: np.ndarray, rng: np.random.Generator) -> None:
    centre = corners.mean(0)
    # A holder or a piece of bodywork around the plate, so that the paste's sharp edge is not learnt.
    for grow, chance in ((rng.uniform(1.1, 2.2), 0.5), (rng.uniform(1.03, 1.15), 0.5)):
        if rng.random() < chance:
            colour = [int(c) for c in rng.integers(10, 230) + rng.integers(-15, 15, 3)]
            around = ((corners - centre) * [grow, grow * rng.uniform(1, 1.4)] + centre).astype(np.int32)
            cv2.fillConvexPoly(image, around, np.clip(colour, 0, 255).tolist(), cv2.LINE_AA)
    side = max(np.ptp(corners[:, 0]), 1.0)
    shrink = side / plate.shape[1]
    if shrink < 0.7:
        plate = np.asarray(
            cv2.resize(plate, None, fx=shrink * 1.2, fy=shrink * 1.2, interpolation=cv2.INTER_AREA), np.uint8
        )
    high, wide = plate.shape[:2]
    flat = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    turn = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    size = (image.shape[1], image.shape[0])
    light = rng.uniform(0.5, 1.15)
    laid = cv2.warpPerspective(np.clip(plate * light, 0, 255).astype(np.uint8), turn, size)
    mask = cv2.warpPerspective(np.ones((high, wide), np.float32), turn, size)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.4, 1.2))[..., None]
    image[:] = (image * (1 - mask) + laid * mask).astype(np.uint8)


def draw_overlay_clock(image: Image, boxes: Boxes, rng: np.random.Generator) -> None:
    """Write what a dashcam writes into its pictures, in place: date, time, speed. None is a plate."""
    year, month, day, mark = rng.integers(2012, 2027), rng.integers(1, 13), rng.integers(1, 29), rng.choice(["-", "/"])
    date = f"{year}{mark}{month:02d}{mark}{day:02d}"
    clock = f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}"
    text = str(
        rng.choice(
            [
                f"{date} {clock}",
                clock,
                date,
                f"{rng.integers(0, 130)} KM/H {clock}",
                f"CAM {rng.integers(1, 9)}",
            ]
        )
    )
    _write_clear_of_plates(image, boxes, text, rng, board=rng.random() < 0.25)


def draw_sign(image: Image, boxes: Boxes, rng: np.random.Generator) -> None:
    """Write shop and road text into the picture, in place, half the time on a board of its own."""
    _write_clear_of_plates(image, boxes, str(rng.choice(_WORDS)), rng, board=rng.random() < 0.5)


def _write_clear_of_plates(image: Image, boxes: Boxes, text: str, rng: np.random.Generator, *, board: bool) -> None:
    font, scale = int(rng.choice(_FONTS)), rng.uniform(0.3, 1.1)
    thick = int(rng.integers(1, 3))
    (wide, high), base = cv2.getTextSize(text, font, scale, thick)
    x, y = int(rng.integers(0, max(1, image.shape[1] - wide // 2))), int(rng.integers(high, image.shape[0]))
    if _touches(boxes, (x - 4, y - high - 4, x + wide + 4, y + base + 4)):
        return
    paper = tuple(int(c) for c in rng.integers(0, 256, 3))
    ink = (255, 255, 255) if rng.random() < 0.6 or sum(paper) < 380 else (10, 10, 10)
    if board:
        cv2.rectangle(image, (x - 4, y - high - 4), (x + wide + 4, y + base + 2), paper, -1)
    elif rng.random() < 0.5:
        cv2.putText(image, text, (x, y), font, scale, (0, 0, 0), thick + 2, cv2.LINE_AA)
    cv2.putText(image, text, (x, y), font, scale, ink, thick, cv2.LINE_AA)
