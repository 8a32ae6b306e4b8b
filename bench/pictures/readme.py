"""`python -m bench.pictures.readme`: the README's picture, a frame of the demo's drive beside the table of its plates.

`dashplate demo` renders the drive and writes `plates.csv` beside it; the frame is detected, read and drawn as
`dashplate read --annotate` does.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from matplotlib import font_manager
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from dashplate.show import clock
from output.annotate import draw
from output.files import save_jpeg
from pipeline.errors import Unreadable
from pipeline.photo import read_plates
from pipeline.records import Image, MediaKind
from pipeline.run import load_detector, load_reader
from workers.settings import settings

#: Pixels: the frame as it is shown, the table beside it, its letters.
_FRAME_SIZE, _TABLE_WIDTH, _LETTER = (900, 506), 400, 18
#: RGB: paper, ink, and the ink of plates that the frame shows.
_PAPER, _INK, _SHOWN = (24, 26, 30), (225, 225, 225), (90, 220, 90)


def main(
    drive: Annotated[Path, typer.Argument(help="The demo's drive; plates.csv lies beside it.")] = Path(
        "out/drive-7-30s-12.mp4"
    ),
    at: Annotated[float, typer.Option(help="Second of the frame.")] = 6.0,
    out: Annotated[Path, typer.Option(help="The picture.")] = Path("docs/demo.jpg"),
) -> None:
    """Draw the picture."""
    frame = _frame(drive, at)
    config = settings().models
    plates = read_plates(frame, load_detector(config, MediaKind.VIDEO), load_reader(config, ()))
    shown = {plate.reading.text for plate in plates if plate.reading}
    with (drive.parent / "plates.csv").open(encoding="utf-8", newline="") as file:
        table = _table(list(csv.DictReader(file)), shown)
    save_jpeg(out, np.hstack([cv2.resize(draw(frame, plates), _FRAME_SIZE, interpolation=cv2.INTER_AREA), table]))


def _frame(video: Path, at_s: float) -> Image:
    capture = cv2.VideoCapture(str(video))
    capture.set(cv2.CAP_PROP_POS_FRAMES, round(at_s * capture.get(cv2.CAP_PROP_FPS)))
    decoded, frame = capture.read()
    if not decoded:
        raise Unreadable(f"{video} shows nothing at {at_s:g} s; `dashplate demo` renders it.")
    return np.asarray(frame, np.uint8)


def _table(rows: Sequence[dict[str, str]], shown: set[str]) -> Image:
    """The plates as the terminal prints them, BGR; green where the frame shows them."""
    picture = Pillow.new("RGB", (_TABLE_WIDTH, _FRAME_SIZE[1]), _PAPER)
    canvas = ImageDraw.Draw(picture)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans Mono"), _LETTER)
    step = _FRAME_SIZE[1] // (len(rows) + 2)
    canvas.text((18, step // 2), f"{'plate':<11} {'country':<7} {'sure':>5} {'from':>7}", _INK, font)
    for number, row in enumerate(rows, start=1):
        sure, since = float(row["confidence"]), clock(float(row["first_seen_s"]))
        line = f"{row['plate']:<11} {row['country'] or '–':<7} {sure:>5.0%} {since:>7}"
        canvas.text((18, step // 2 + number * step), line, _SHOWN if row["plate"] in shown else _INK, font)
    return np.asarray(picture, np.uint8)[:, :, ::-1]


if __name__ == "__main__":
    typer.run(main)
