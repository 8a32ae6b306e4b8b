"""The pages of an evidence package: one A4 page for each sighting, to be printed."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import MethodReturnValue

import output
from dashplate.evidence.clocks import printed_time
from dashplate.show import clock

#: Which characters it has, `output/fonts/README.md` says.
FONT = Path(output.__file__).parent / "fonts" / "evidence.ttf"
_FAMILY = "evidence"
#: A4 with its margin, millimetres.
_WIDTH, _HEIGHT, _MARGIN = 210.0, 297.0, 15.0
_INNER = _WIDTH - 2 * _MARGIN
#: Of the pictures, millimetres: the crop's box, and the frame's greatest height.
_CROP, _FRAME_HEIGHT = (70.0, 26.0), 78.0
#: Of the first column of a table, millimetres; and of a line.
_NAMES, _LINE = 38.0, 4.6
#: Tables end above this; what signs the page stands below.
_FLOOR = _HEIGHT - _MARGIN - 10.0
#: Of what a person notes, characters that a page has room for.
_NOTE_CHARS = 100
#: RGB: of the box around the plate, of names, of rules.
_BOX, _GREY, _RULE = (220, 30, 30), (110, 110, 110), (190, 190, 190)


@dataclass(frozen=True, slots=True)
class Made:
    """Who made a package, when, with what."""

    by: str
    host: str
    at: datetime
    version: str
    #: Fingerprint of the public key; None for a package that is not signed.
    key: str | None


@dataclass(frozen=True, slots=True)
class Pictures:
    """The files of a sighting's two pictures; None where there is none."""

    frame: bytes | None
    crop: bytes | None


class Pages:
    """A PDF that grows by a page for each sighting."""

    def __init__(self, made: Made, total: int) -> None:
        self._made, self._total, self._number = made, total, 0
        pdf = self._pdf = FPDF(unit="mm", format="A4")
        pdf.set_margins(_MARGIN, _MARGIN)
        pdf.set_auto_page_break(False)
        pdf.add_font(_FAMILY, fname=str(FONT))
        pdf.set_creation_date(made.at)
        pdf.set_title("Evidence")
        pdf.set_creator(f"Dashplate {made.version}")

    def add(self, facts: dict[str, Any], pictures: Pictures) -> None:
        """The page of a sighting; `facts` as `case.facts` makes them."""
        self._number += 1
        self._pdf.add_page()
        self._heading(facts)
        if pictures.crop is not None:
            self._pdf.image(
                io.BytesIO(pictures.crop), _WIDTH - _MARGIN - _CROP[0], _MARGIN, *_CROP, keep_aspect_ratio=True
            )
        self._frame(facts, pictures.frame)
        for title, rows in (
            ("When and where", _when(facts)),
            ("How it was read", _how(facts)),
            ("Files", _files(facts)),
        ):
            self._table(title, rows)
        self._foot()

    def pdf(self) -> bytes:
        """The whole file."""
        return bytes(self._pdf.output())

    def _heading(self, facts: dict[str, Any]) -> None:
        pdf = self._pdf
        self._text(8, f"Sighting {facts['sighting']}  ·  page {self._number} of {self._total}", _GREY)
        pdf.set_xy(_MARGIN, _MARGIN + 6)
        self._sized(34)
        pdf.cell(_INNER - _CROP[0], 16, printed(facts["plate"]))
        pdf.set_xy(_MARGIN, _MARGIN + 23)
        sure = f"{facts['confidence']:.1%} sure"
        mark = "confirmed by several pictures" if facts["confirmed"] else "single read: only one picture says so"
        self._text(10, f"{sure}  ·  {mark}  ·  {facts['country'] or 'no country’s form'}")
        pdf.set_y(_MARGIN + 30)
        if said := facts["correction"]:
            what = f"a person reads {said['plate']}" if said["is_plate"] else "a person says that it is no plate"
            self._text(10, f"The machine reads {facts['read_as']}; {what}.", _BOX)
            pdf.set_y(_MARGIN + 36)

    def _frame(self, facts: dict[str, Any], frame: bytes | None) -> None:
        pdf = self._pdf
        if frame is None:
            self._text(9, "No frame of it was kept.", _GREY)
            pdf.set_y(pdf.get_y() + 8)
            return
        top = pdf.get_y() + 3
        place = pdf.image(io.BytesIO(frame), _MARGIN, top, _INNER, _FRAME_HEIGHT, keep_aspect_ratio=True)
        scale = place.rendered_width / facts["video"]["width"]
        left = _MARGIN + (_INNER - place.rendered_width) / 2
        x1, y1, x2, y2 = (side * scale for side in facts["box"])
        if facts["frame"] and facts["frame"]["pts"] == facts["best_pts"]:
            pdf.set_draw_color(*_BOX)
            pdf.set_line_width(0.4)
            pdf.rect(left + x1 - 1, top + y1 - 1, x2 - x1 + 2, y2 - y1 + 2)
        pdf.set_y(top + place.rendered_height + 3)

    def _table(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        pdf = self._pdf
        pdf.set_draw_color(*_RULE)
        pdf.set_line_width(0.2)
        pdf.line(_MARGIN, pdf.get_y(), _MARGIN + _INNER, pdf.get_y())
        pdf.set_xy(_MARGIN, pdf.get_y() + 1)
        self._text(10, title)
        pdf.set_y(pdf.get_y() + 6)
        for name, value in rows:
            self._sized(8)
            lines: Any = pdf.multi_cell(
                _INNER - _NAMES, _LINE, printed(value), dry_run=True, output=MethodReturnValue.LINES
            )
            if pdf.get_y() + (len(lines) + 1) * _LINE > _FLOOR:
                self._text(8, "More stands in sightings.json.", _GREY)
                break
            pdf.set_x(_MARGIN)
            self._sized(8, _GREY)
            pdf.cell(_NAMES, _LINE, name)
            self._sized(8)
            pdf.multi_cell(_INNER - _NAMES, _LINE, printed(value), new_x="LMARGIN", new_y="NEXT", align="L")
        pdf.set_y(pdf.get_y() + 2)

    def _foot(self) -> None:
        made = self._made
        self._pdf.set_y(_HEIGHT - _MARGIN - 8)
        who = f"Made by {made.by} on {made.host}, {made.at:%Y-%m-%d %H:%M:%S %Z}, with Dashplate {made.version}."
        self._text(8, who, _GREY)
        self._pdf.set_y(_HEIGHT - _MARGIN - 4)
        signed = (
            "This package is NOT SIGNED: nothing shows who made it, or that it was not changed since."
            if made.key is None
            else f"manifest.json lists the hashes of all files, and is signed with the Ed25519 key {made.key}."
        )
        self._text(8, signed, _GREY if made.key else _BOX)

    def _text(self, size: float, words: str, colour: tuple[int, int, int] = (0, 0, 0)) -> None:
        self._sized(size, colour)
        self._pdf.set_x(_MARGIN)
        self._pdf.cell(_INNER, size / 2, printed(words))

    def _sized(self, size: float, colour: tuple[int, int, int] = (0, 0, 0)) -> None:
        self._pdf.set_font(_FAMILY, size=size)
        self._pdf.set_text_color(*colour)


def printed(text: str) -> str:
    """The text in characters that the font has; others are spelled out."""
    known = _known()
    plain = unicodedata.normalize("NFC", text)
    return "".join(c if ord(c) in known else c.encode("unicode_escape").decode() for c in plain)


@lru_cache(maxsize=1)
def _known() -> frozenset[int]:
    return frozenset(TTFont(FONT, lazy=True).getBestCmap())


def _when(facts: dict[str, Any]) -> list[tuple[str, str]]:
    video = facts["video"]
    times = (f"{clock(facts[name])} ({facts[name]:.3f} s)" for name in ("first_s", "best_s", "last_s"))
    first, best, last = times
    return [
        ("Video", video["path"]),
        ("In the video", f"from {first} to {last}; read at {best}, pts {facts['best_pts']}"),
        (
            "Picture",
            f"{video['width']} × {video['height']}, {video['codec']}, {video['frame_rate'] or 0:.2f} frames a second",
        ),
        (
            "Plate in the frame",
            "x {:.0f} to {:.0f}, y {:.0f} to {:.0f} pixels".format(*(facts["box"][i] for i in (0, 2, 1, 3))),
        ),
        ("Recorded", _recorded(facts)),
        ("Where the camera was", _place(facts["place"])),
        ("Submitted, processed", f"{_day(video['submitted_at'])}, {_day(video['processed_at'])}"),
        ("Job", f"{facts['job']['id']}, {facts['job']['name']}"),
    ]


def _recorded(facts: dict[str, Any]) -> str:
    """When the frame was recorded that was read, and what says so."""
    worth = facts["video"]["recording_time"]
    if facts["recorded_at"] is None:
        return f"unknown. {worth}"
    return f"{printed_time(facts['recorded_at'], facts['video']['clock_error_s'])}. {worth}"


def _place(place: dict[str, Any] | None) -> str:
    """By its track; a place that a person named is told as well."""
    if place is None:
        return "not known: no track of the camera tells it"
    off = "" if place["place_error_m"] is None else f", give or take {place['place_error_m']:.0f} m"
    named = f"; in {place['named']}" if place["named"] else ""
    return f"latitude {place['lat']:.6f}, longitude {place['lon']:.6f} (WGS 84){off}{named}"


def _how(facts: dict[str, Any]) -> list[tuple[str, str]]:
    readings = [one["reading"] for one in facts["tracklets"] if one["reading"]]
    seen = sum(one["frames_seen"] for one in facts["tracklets"])
    runners_up = "   ".join(f"{one['text']} {one['confidence']:.1%}" for one in facts["runners_up"][:6])
    models = facts["models"]
    packages = ", ".join(f"{name} {version}" for name, version in models["packages"].items())
    crops = sum(one["crops_read"] for one in readings)
    return [
        ("Read as", f"{facts['read_as']}, from {crops} pictures of {seen} frames in which it was followed"),
        *_corrected(facts["correction"]),
        ("Each character", "   ".join(f"{one['char']} {one['confidence']:.1%}" for one in facts["characters"])),
        ("Runners-up", runners_up or "none"),
        ("Pictures that agree", f"{facts['agreeing_crops']} (within one character)"),
        ("Detector", f"{models['detector']['name']}, SHA-256 {models['detector']['sha256']}"),
        ("Reader", f"{models['reader']['name']} on {models['reader']['engine']}, SHA-256 {models['reader']['sha256']}"),
        ("Programs", packages or "none of the models’ programs is installed where this package was made"),
    ]


def _corrected(said: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What a person says, who, and when."""
    if said is None:
        return []
    note = said["note"] or ""
    # The whole note stands in sightings.json.
    short = f"{note[:_NOTE_CHARS]}…" if len(note) > _NOTE_CHARS else note
    what = said["plate"] if said["is_plate"] else "no plate"
    return [("Read by a person", f"{what}, {said['by']} at {_day(said['at'])}{f': {short}' if short else ''}")]


def _files(facts: dict[str, Any]) -> list[tuple[str, str]]:
    video, frame = facts["video"], facts["frame"]
    original = (
        f"SHA-256 {video['sha256']}, {video['size']} bytes" if video["sha256"] else f"not hashed: {video['not_hashed']}"
    )
    crops = [crop for one in facts["tracklets"] for crop in one["crops"]]
    rows = [("The original video", original)]
    if frame:
        which = "Frame" if frame["pts"] == facts["best_pts"] else "Frame, not the one read"
        rows.append((which, f"{frame['file']}, SHA-256 {frame['sha256_when_stored']}"))
    if best := next((crop for crop in crops if crop["observation"]["pts"] == facts["best_pts"]), None):
        rows.append(("Crop", f"{best['file']}, SHA-256 {best['sha256_when_stored']}"))
    rows += [("Left out", f"{one['what']}: {one['why']}") for one in facts["left_out"]]
    return rows


def _day(moment: str | None) -> str:
    return "not yet" if moment is None else f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S %Z}"
