"""What a plate's picture shows beside its text: the colours of ground and letters, blue bands at its ends, its shape.

It says of which country a plate may be, and never what the plate says. What is not plain is left unsaid, and of a
picture without colour or light nothing is said at all. The bounds below were chosen on 4,100 plates to train on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.crops.text_lines import aspect
from pipeline.formats.looks import LOOKS, Looks
from pipeline.records import Image

#: Size to which a plate is scaled, and the part of it that holds nothing but ground and characters.
_SIZE_PX = (128, 32)
_INNER = np.s_[5:27, 16:112]
#: Narrower plates are too small to show their looks, and these to show bands.
_LEAST_WIDTH_PX, _LEAST_WIDTH_OF_BANDS_PX = 40, 60
#: Grey levels: pictures with less between their colours have none, with darker lights no light, with less contrast no
#: text.
_COLOURLESS_BELOW, _DARK_BELOW, _FLAT_BELOW = 2.0, 70.0, 10.0
#: Where this share of the pixels is light, that is the ground; where no more than that is, it is the characters.
_LIGHT_GROUND, _LIGHT_CHARACTERS = 0.53, 0.45
#: Saturations. White grounds are below .2 (95% of them), yellow ones above .5.
_WHITE_TO, _BLACK_TO, _COLOURED_FROM = 0.2, 0.3, 0.42
#: A black ground is at most this bright, where white is 1; what is as dark as that is black whatever its colour.
_BLACK_BRIGHTNESS, _NO_COLOUR_BRIGHTNESS = 0.45, 0.15
#: From and to, in degrees; what lies between has no name.
_HUES = {"yellow": (28, 66), "green": (80, 175), "blue": (190, 260), "red": (340, 378)}
#: Red against the stronger of green and blue: 1.4 and more in three of four Belgian plates, 1.2 and less in black ones.
_DARK_REDNESS, _RED_REDNESS = 1.2, 1.4
#: A band is looked for in so many columns at an end, and is so many wide. Rows that it fills, and its upper half, which
#: is all that it has on a plate of two rows.
_END, _BAND = 26, 4
_ROWS, _UPPER_ROWS = np.s_[3:29], np.s_[3:16]
#: Share of such an area that is blue where there is a band, and where there is none.
_BAND_FROM, _NO_BAND_TO = 0.5, 0.25
#: The upper and lower edge between the ends; where more than this share of it is blue, so is the vehicle.
_EDGES, _BLUE_VEHICLE = np.s_[[0, 1, 30, 31], 24:104], 0.35
#: Width over height: up to that plates have two rows, or the size of American ones; from that on they are long.
_SQUARE_TO, _LONG_FROM = 2.4, 2.7


def looks_of(pictures: Sequence[Image]) -> Looks:
    """What the pictures of one plate show, each BGR and filled by it: of each kind what most say that tell it."""
    seen = [_looks(picture) for picture in pictures]
    told = {kind: Counter(looks[kind] for looks in seen if kind in looks) for kind in LOOKS}
    return {kind: look for kind, counts in told.items() for look, n in counts.items() if 2 * n > counts.total()}


def _looks(picture: Image) -> dict[str, str]:
    if picture.shape[1] < _LEAST_WIDTH_PX:
        return {}
    small = np.asarray(cv2.resize(picture, _SIZE_PX, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)[_INNER]
    if _colourfulness(small) < _COLOURLESS_BELOW or np.ptp(grey) < _FLAT_BELOW:
        return {}
    threshold, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    is_light, pixels = grey > threshold, small[_INNER]
    light, dark = np.median(pixels[is_light], axis=0), np.median(pixels[~is_light], axis=0)
    if light.max() < _DARK_BELOW:
        return {}
    told = {"ground": _ground(light, dark, float(is_light.mean())), "shape": _shape(picture)}
    if told["ground"] in ("white", "yellow"):
        # White shows what light there is; yellow under a yellow light is yellow still.
        white = np.maximum(light, 1.0) if told["ground"] == "white" else np.full(3, light.max())
        told["letters"] = _letters(dark / white) if told["ground"] == "white" else None
        told["bands"] = _bands(small / white) if picture.shape[1] >= _LEAST_WIDTH_OF_BANDS_PX else None
    return {kind: look for kind, look in told.items() if look is not None}


def _colourfulness(small: Image) -> float:
    """Mean difference between colours, in grey levels."""
    blue, green, red = cv2.split(small)
    return max(float(cv2.absdiff(one, green).mean()) for one in (blue, red))


def _ground(light: NDArray[np.float64], dark: NDArray[np.float64], light_share: float) -> str | None:
    """The colour that characters stand on; light and dark are BGR."""
    if light_share >= _LIGHT_GROUND:
        hue, saturation = _hue_and_saturation(light)
        return "white" if saturation < _WHITE_TO else _coloured(hue, saturation)
    if light_share >= _LIGHT_CHARACTERS:
        return None
    # The characters are white, and show what light there is.
    ground = dark / np.maximum(light, 1.0)
    hue, saturation = _hue_and_saturation(ground)
    blackness = _BLACK_BRIGHTNESS if saturation < _BLACK_TO else _NO_COLOUR_BRIGHTNESS
    return "black" if ground.max() < blackness else _coloured(hue, saturation)


def _coloured(hue: float, saturation: float) -> str | None:
    if saturation < _COLOURED_FROM:
        return None
    return next((name for name, (low, high) in _HUES.items() if (hue - low) % 360 < high - low), None)


def _hue_and_saturation(colour: NDArray[np.float64]) -> tuple[float, float]:
    """Hue in degrees and saturation, 0 to 1, of a BGR colour."""
    hue, saturation, _ = cv2.cvtColor(colour[None, None].astype(np.float32), cv2.COLOR_BGR2HSV)[0, 0]
    return float(hue), float(saturation)


def _letters(colour: NDArray[np.float64]) -> str | None:
    """Of letters on white by their BGR colour, where the ground's is 1."""
    redness = float(colour[2] / max(*colour[:2], _NO_COLOUR_BRIGHTNESS))
    if _DARK_REDNESS <= redness < _RED_REDNESS:
        return None
    return "red" if redness >= _RED_REDNESS else "dark"


def _bands(small: NDArray[np.float64]) -> str | None:
    """Which ends are blue; `small` is BGR, 1 as bright as the ground."""
    blue, green, red = np.moveaxis(small, 2, 0)
    is_blue = (blue > 1.3 * red + 0.03) & (blue > 1.08 * green) & (blue > 0.12)
    if is_blue[_EDGES].mean() > _BLUE_VEHICLE:
        return None
    left, right = _has_band(is_blue), _has_band(is_blue[:, ::-1])
    if left is None or right is None or (right and not left):
        return None
    return "both" if right else "left" if left else "none"


def _has_band(is_blue: NDArray[np.bool_]) -> bool | None:
    """Whether there is a band at the left; None where that is not plain."""
    columns = np.maximum(is_blue[_ROWS, :_END].mean(axis=0), is_blue[_UPPER_ROWS, :_END].mean(axis=0))
    share = np.convolve(columns, np.full(_BAND, 1 / _BAND), mode="valid").max()
    if _NO_BAND_TO <= share < _BAND_FROM:
        return None
    return bool(share >= _BAND_FROM)


def _shape(picture: Image) -> str | None:
    width = aspect(picture)
    if _SQUARE_TO <= width < _LONG_FROM:
        return None
    return "long" if width >= _LONG_FROM else "square"
