"""What looks like a plate and is none: a dashcam's clock, signs, phone numbers, stickers, badges, blank boards."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from training.detector.pictures.paste import touches
from training.detector.pictures.photos import Boxes, Image

Rng = np.random.Generator

_WORDS = (
    "PIZZA", "Hotel", "TAXI", "Market", "OPEN", "SALE 50%", "Bank", "Cafe", "TRANSPORT", "www.rent.com",
    "Police", "BUS 42", "STOP", "Garage", "Turbo 16V", "TDI", "4x4", "Auto", "School", "For hire", "Express",
    "EXIT 12", "A1 M25", "km 30", "Apotheke", "Salon", "PHARMACY", "24h", "LOGISTICS", "出口", "駐車場", "停", "P",
    "ВЫХОД", "АПТЕКА", "BMW", "HONDA", "Mercedes", "QUATTRO", "how's my driving?", "baby on board", "MAX 30",
    "DIESEL", "LADE", "No Parking", "Kia", "320d", "V8", "HYBRID", "TOYOTA", "Coca-Cola", "Bakery", "LIDL",
)  # fmt: skip
_FACES = ("sans", "serif", "uni")


def draw_overlay(image: Image, boxes: Boxes, rng: Rng) -> None:
    """Write what a dashcam writes into its pictures, in place: date, time, speed, maker. None is a plate."""
    year, month, day, mark = rng.integers(2012, 2027), rng.integers(1, 13), rng.integers(1, 29), rng.choice(["-", "/"])
    date = f"{year}{mark}{month:02d}{mark}{day:02d}"
    clock = f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}"
    speed = f"{rng.integers(0, 130)} {rng.choice(['KM/H', 'MPH', 'km/h'])}"
    place = f"N{rng.uniform(0, 90):.4f} E{rng.uniform(0, 180):.4f}"
    maker = f"{rng.choice(['CAM', 'DASHCAM', 'DR', 'A', 'F', 'Cam '])}{rng.integers(1, 999)}"
    texts = [f"{date} {clock}", clock, date, f"{speed} {clock}", speed, place, maker]
    _write(image, boxes, texts[int(rng.integers(len(texts)))], rng, board=rng.random() < 0.25)


def draw_sign(image: Image, boxes: Boxes, rng: Rng) -> None:
    """Write shop, road or vehicle text into the picture, in place, half the time on a board of its own."""
    _write(image, boxes, _WORDS[int(rng.integers(len(_WORDS)))], rng, board=rng.random() < 0.5)


def draw_phone_number(image: Image, boxes: Boxes, rng: Rng) -> None:
    """Write a telephone number as vans carry it, in place."""
    groups = [str(rng.integers(10, 10 ** int(rng.integers(3, 5)))) for _ in range(int(rng.integers(2, 4)))]
    text = str(rng.choice(["0", "+", "Tel. 0", "☎ 0", "1-800-"])) + str(rng.choice([" ", "-", "."])).join(groups)
    _write(image, boxes, text, rng, board=rng.random() < 0.15)


def draw_sticker(image: Image, boxes: Boxes, rng: Rng) -> None:
    """Stick one to three characters on a disc, an oval or a small square, in place: taxi, line and lot numbers."""
    size = int(rng.integers(8, 60))
    at = _clear_spot(image, boxes, (size, size), rng)
    if at is None:
        return
    paper = [int(c) for c in rng.integers(0, 256, 3)]
    axes = (size // 2, max(3, int(size * rng.uniform(0.3, 0.5))))
    centre = (at[0] + size // 2, at[1] + size // 2)
    if rng.random() < 0.6:
        cv2.ellipse(image, centre, axes, 0, 0, 360, paper, -1, cv2.LINE_AA)
    else:
        cv2.rectangle(image, (at[0], at[1]), (at[0] + size, at[1] + size), paper, -1)
    text = str(rng.integers(0, 400)) if rng.random() < 0.6 else str(rng.choice(["D", "GB", "F", "L", "A", "R", "P"]))
    ink = (255, 255, 255) if sum(paper) < 380 else (10, 10, 10)
    tall = max(5, size // 2)
    corner = (centre[0] - int(tall * 0.3 * len(text)), centre[1] + tall // 3)
    cv2.putText(image, text, corner, ink, cv2.FontFace(str(rng.choice(_FACES))), tall, 600)


def draw_blank_board(image: Image, boxes: Boxes, rng: Rng) -> None:
    """Put up a board of a plate's shape with nothing on it, or a stripe or two, in place: an empty holder."""
    wide = int(np.exp(rng.uniform(np.log(12), np.log(160))))
    high = max(4, int(wide / rng.uniform(1.2, 5)))
    at = _clear_spot(image, boxes, (wide, high), rng)
    if at is None:
        return
    paper = np.array([int(c) for c in rng.integers(10, 256, 3)])
    window = image[at[1] : at[1] + high, at[0] : at[0] + wide]
    light = np.linspace(rng.uniform(0.7, 1), rng.uniform(0.7, 1), wide)[None, :, None]
    window[:] = np.clip(paper * light, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 3))):
        x = int(rng.integers(0, wide))
        window[:, x : x + max(1, wide // 12)] = rng.integers(0, 256, 3)


def draw_lit_sign(image: Image, boxes: Boxes, rng: Rng) -> None:
    """Light up a shop's name at night, in place: bright letters in a glow of their own colour."""
    light = np.zeros_like(image)
    _write(light, boxes, _WORDS[int(rng.integers(len(_WORDS)))], rng, board=False)
    mask = light.max(2).astype(np.float32)[..., None] / 255
    colour = np.array([rng.uniform(60, 255), rng.uniform(60, 255), 255.0], np.float32)[rng.permutation(3)]
    glow = cv2.GaussianBlur(mask, (0, 0), rng.uniform(2, 8))[..., None] * rng.uniform(0.3, 1.2)
    for x1, y1, x2, y2 in boxes.astype(int):
        glow[max(0, y1) : y2 + 1, max(0, x1) : x2 + 1] = 0
    image[:] = np.clip(image * (1 - mask) + 255 * mask + colour * glow * (1 - mask), 0, 255).astype(np.uint8)


def draw_logo(image: Image, boxes: Boxes, rng: Rng) -> None:
    """Paint two to four letters, mostly in an oval, as buses and vans carry their owner's, in place."""
    text = "".join(chr(int(c)) for c in rng.integers(65, 91, int(rng.integers(2, 5))))
    face, tall = cv2.FontFace(str(rng.choice(_FACES))), int(np.exp(rng.uniform(np.log(8), np.log(40))))
    wide = cv2.getTextSize((0, 0), text, (0, 0), face, tall, 800)[2]
    at = _clear_spot(image, boxes, (wide + tall, tall * 2), rng)
    if at is None:
        return
    ink = [int(c) for c in rng.integers(0, 256, 3)]
    cv2.putText(image, text, (at[0] + tall // 2, at[1] + int(tall * 1.35)), ink, face, tall, 800)
    centre, axes = (at[0] + (wide + tall) // 2, at[1] + tall), ((wide + tall) // 2, int(tall * 0.8))
    # Never a rectangle: letters in one are what a plate is.
    if rng.random() < 0.6:
        cv2.ellipse(image, centre, axes, 0, 0, 360, ink, max(1, tall // 8), cv2.LINE_AA)


_ALL: tuple[tuple[Callable[[Image, Boxes, Rng], None], float], ...] = (
    (draw_overlay, 0.12),
    (draw_sign, 0.1),
    (draw_phone_number, 0.05),
    (draw_sticker, 0.06),
    (draw_blank_board, 0.06),
    (draw_lit_sign, 0.05),
    (draw_logo, 0.05),
)


def add_clutter(image: Image, boxes: Boxes, rng: Rng) -> None:
    """Draw a random choice of look-alikes into the picture, in place, clear of the plates."""
    for draw, chance in _ALL:
        if rng.random() < chance:
            draw(image, boxes, rng)


def _clear_spot(image: Image, boxes: Boxes, size: tuple[int, int], rng: Rng) -> tuple[int, int] | None:
    high, wide = image.shape[:2]
    if size[0] >= wide or size[1] >= high:
        return None
    x, y = int(rng.integers(0, wide - size[0])), int(rng.integers(0, high - size[1]))
    return None if touches(boxes, (x - 4, y - 4, x + size[0] + 4, y + size[1] + 4)) else (x, y)


def _write(image: Image, boxes: Boxes, text: str, rng: Rng, *, board: bool) -> None:
    face, tall = cv2.FontFace(str(rng.choice(_FACES))), int(np.exp(rng.uniform(np.log(7), np.log(44))))
    weight = int(rng.choice([400, 600, 800]))
    # The text's box: x, y, width, height, when its base line starts at (0, 0).
    left, top, wide, high = cv2.getTextSize((0, 0), text, (0, 0), face, tall, weight)
    x = int(rng.integers(0, max(1, image.shape[1] - wide // 2)))
    y = int(rng.integers(min(high, image.shape[0] - 1), image.shape[0]))
    box = (x + left - 4, y + top - 4, x + left + wide + 4, y + top + high + 4)
    if touches(boxes, box):
        return
    paper = tuple(int(c) for c in rng.integers(0, 256, 3))
    ink = (255, 255, 255) if rng.random() < 0.6 or sum(paper) < 380 else (10, 10, 10)
    if board:
        cv2.rectangle(image, box[:2], box[2:], paper, -1)
    elif rng.random() < 0.5:
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            cv2.putText(image, text, (x + dx, y + dy), (0, 0, 0), face, tall, weight)
    cv2.putText(image, text, (x, y), ink, face, tall, weight)
