"""Sets a number in a typeface: rows of pieces into one coverage mask, with the place of every character."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.layouts.pieces import Piece, Row
from synthesis.lettering.glyphs import has_glyph
from synthesis.lettering.pen import glyph_mask
from synthesis.lettering.scripts import script_mask
from synthesis.lettering.typeface import Typeface, heaviest

Mask = NDArray[np.uint8]
Rng = np.random.Generator
#: Left, top, right, bottom in pixels.
Place = tuple[int, int, int, int]

#: Width over height of a foreign character where a plate's face draws it.
_FOREIGN_WIDTH = 0.85
#: Room within a stack, and between a box and what it frames, in glyph heights.
_STACK_GAP, _BOX_ROOM = 0.12, 0.16


@dataclass(slots=True)
class SetRow:
    """A row of a number as ink."""

    ink: Mask
    #: Every character of the number in reading order with its place in ``ink``.
    characters: list[tuple[str, Place]] = field(default_factory=list)
    #: Where seals are to stick.
    seals: list[Place] = field(default_factory=list)

    def put(self, mask: Mask, x: int, y: int) -> Place:
        """Lay a mask on, and return its place."""
        window = self.ink[y : y + mask.shape[0], x : x + mask.shape[1]]
        np.maximum(window, mask[: window.shape[0], : window.shape[1]], out=window)
        return x, y, x + window.shape[1], y + window.shape[0]


def natural_width(row: Row, face: Typeface, height_px: int) -> int:
    """Return the width that a row of that height takes, pixels."""
    gaps = max(0, len(row.pieces) - 1) * _gap(face, height_px)
    return sum(_width(piece, face, height_px) for piece in row.pieces) + gaps


def set_row(row: Row, face: Typeface, height_px: int, rng: Rng, spread_px: int = 0) -> SetRow:
    """Draw a row. ``spread_px`` more pixels are shared out between its pieces."""
    pieces, gap = row.pieces, _gap(face, height_px)
    extra = spread_px // (len(pieces) - 1) if len(pieces) > 1 else 0
    width = natural_width(row, face, height_px) + extra * max(0, len(pieces) - 1)
    done = SetRow(np.zeros((height_px, max(1, width)), np.uint8))
    x = 0
    for piece in pieces:
        _set_piece(done, piece, face, x, height_px, rng)
        x += _width(piece, face, height_px) + gap + extra
    return done


def narrowed(face: Typeface, factor: float) -> Typeface:
    """Return a face with narrower or wider glyphs and the same pen, unless that would fill its counters."""
    aspect = face.aspect * factor
    weight = min(face.weight, heaviest(aspect, face.contrast))
    return replace(face, aspect=aspect, weight=weight, gap=face.gap * min(1.3, max(0.75, factor)))


def _gap(face: Typeface, height_px: float) -> int:
    return max(1, round(face.gap * height_px))


def _height(piece: Piece, height_px: int) -> int:
    return max(4, min(height_px, round(piece.height * height_px)))


def _glyph_width(character: str, face: Typeface, height_px: int) -> int:
    if not has_glyph(character):
        own = min(1.6, int(script_mask(character, height_px).shape[1]) / height_px)
        return max(2, round(own * height_px * min(1.1, face.aspect / 0.6) * _FOREIGN_WIDTH))
    return max(2, round(face.width(character) * height_px))


def _text_width(text: str, face: Typeface, height_px: int) -> int:
    if _is_word(text):
        return max(2, int(script_mask(text, height_px).shape[1]))
    return sum(_glyph_width(char, face, height_px) for char in text) + (len(text) - 1) * _gap(face, height_px)


def _is_word(text: str) -> bool:
    """Whether a text must be drawn in one: Arabic joins its letters."""
    return len(text) > 1 and any("\u0600" <= char <= "\u06ff" for char in text)


def _width(piece: Piece, face: Typeface, row_px: int) -> int:
    height = _height(piece, row_px)
    if piece.kind in ("gap", "seal"):
        return max(1, round(piece.width * row_px))
    if piece.kind == "stacked":
        each = _stack_height(piece, height)
        return max(_glyph_width(char, _stack_face(face), each) for char in piece.text)
    room = 2 * round(_BOX_ROOM * height) if piece.kind == "boxed" else 0
    return _text_width(piece.text, face, height) + room


def _stack_height(piece: Piece, height_px: int) -> int:
    count = len(piece.text)
    return max(4, round(height_px / (count + _STACK_GAP * (count - 1))))


def _stack_face(face: Typeface) -> Typeface:
    """Small letters above each other are wider and not thinner than the others."""
    return replace(face, aspect=max(0.6, face.aspect * 1.15), weight=min(0.19, face.weight * 1.25))


def _set_piece(row: SetRow, piece: Piece, face: Typeface, x: int, row_px: int, rng: Rng) -> None:
    height, width = _height(piece, row_px), _width(piece, face, row_px)
    if piece.kind == "seal":
        row.seals.append((x, 0, x + width, row_px))
    if piece.kind in ("gap", "seal"):
        return
    y = round((row_px - height) * piece.rise)
    if piece.kind == "stacked":
        _set_stack(row, piece, face, (x, y), height, rng)
        return
    if piece.kind == "boxed":
        _set_boxed(row, piece, face, (x, y), row_px, rng)
        return
    _set_text(row, piece, face, (x, y), height, rng)
    _set_below(row, piece, (x, y + height, x + width, row_px))


def _set_text(row: SetRow, piece: Piece, face: Typeface, at: tuple[int, int], height: int, rng: Rng) -> None:
    x, y = at
    if _is_word(piece.text):
        row.characters.append((piece.text, row.put(script_mask(piece.text, height), x, y)))
        return
    for char in piece.text:
        width = _glyph_width(char, face, height)
        # A hand makes its letters unequally high and does not keep the line.
        own = height - round(height * face.tremble * float(rng.uniform(0, 3))) if face.tremble else height
        down = int(rng.integers(0, height - own + 1))
        place = row.put(_character(char, face, own, width, rng), x, y + down)
        if piece.kind != "mark":
            row.characters.append((char, place))
        x += width + _gap(face, height)


def _character(char: str, face: Typeface, height: int, width: int, rng: Rng) -> Mask:
    if not has_glyph(char):
        mask = script_mask(char, height)
        return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return glyph_mask(face, char, height, width, rng)


def _set_stack(row: SetRow, piece: Piece, face: Typeface, at: tuple[int, int], height: int, rng: Rng) -> None:
    each, small = _stack_height(piece, height), _stack_face(face)
    widest = max(_glyph_width(char, small, each) for char in piece.text)
    y = at[1]
    for char in piece.text:
        width = _glyph_width(char, small, each)
        x = at[0] + (widest - width) // 2
        row.characters.append((char, row.put(_character(char, small, each, width, rng), x, y)))
        y += round(each * (1 + _STACK_GAP))


def _set_boxed(row: SetRow, piece: Piece, face: Typeface, at: tuple[int, int], row_px: int, rng: Rng) -> None:
    """Draw a frame around a piece, from the row's top to its foot where the piece has small print."""
    height, width = _height(piece, row_px), _width(piece, face, row_px)
    room, line = round(_BOX_ROOM * height), max(1, row_px // 40)
    inner = height - 2 * (line + 1)
    _set_text(row, piece, face, (at[0] + room, at[1] + line + 1), max(4, inner), rng)
    foot = row_px - 1 if piece.below and piece.rise == 0 else at[1] + height - 1
    cv2.rectangle(row.ink, (at[0], at[1]), (at[0] + width - 1, foot), 255, line)
    _set_below(row, piece, (at[0] + room, at[1] + height, at[0] + width - room, row_px - line - 1))


def _set_below(row: SetRow, piece: Piece, place: Place) -> None:
    left, top, right, bottom = place
    height = round((bottom - top) * 0.7)
    if not piece.below or height < 4 or right - left < 6:
        return
    mask = script_mask(piece.below, height, face="sans")
    if mask.shape[1] > right - left:
        mask = np.asarray(cv2.resize(mask, (right - left, height), interpolation=cv2.INTER_AREA), np.uint8)
    row.put(mask, left + (right - left - mask.shape[1]) // 2, top + (bottom - top - height) // 2)
