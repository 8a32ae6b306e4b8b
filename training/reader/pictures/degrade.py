"""What a dashcam does to a plate: blur, noise, compression, night, glare, shadow, dirt; sized by the plate's height."""

from __future__ import annotations

import math

import cv2
import numpy as np

from pipeline.records import Image
from training.detector.pictures.degrade import Harm, video

Rng = np.random.Generator

#: Sides of an encoded picture are multiples of this, pixels.
_CODED_PX = 64


def _invert(image: Image, rng: Rng) -> Image:
    return np.asarray(255 - image, np.uint8)


def _grey(image: Image, rng: Rng) -> Image:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2).astype(np.uint8)


def _tint(image: Image, rng: Rng) -> Image:
    gains = rng.uniform(0.65, 1.35, 3).astype(np.float32)
    return np.asarray(np.clip(image * (gains / gains.mean()), 0, 255), np.uint8)


def _gamma(image: Image, rng: Rng) -> Image:
    curve = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.8, 1.0)) * 255
    return np.asarray(cv2.LUT(image, curve.astype(np.uint8)), np.uint8)


def _contrast(image: Image, rng: Rng) -> Image:
    gain, middle = rng.uniform(0.25, 1.5), rng.uniform(60, 190)
    return np.clip((image.astype(np.float32) - middle) * gain + middle, 0, 255).astype(np.uint8)


def _shadow(image: Image, rng: Rng) -> Image:
    """A straight edge, soft or hard, with less light on one side of it."""
    high, wide = image.shape[:2]
    angle = rng.uniform(0, 2 * math.pi)
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    away = (x - rng.uniform(0, wide)) * math.cos(angle) + (y - rng.uniform(0, high)) * math.sin(angle)
    lit = 1 / (1 + np.exp(-np.clip(away / (high * rng.uniform(0.01, 0.4)), -30, 30)))
    dark = rng.uniform(0.25, 0.75)
    return np.asarray(image * (dark + (1 - dark) * lit)[..., None]).astype(np.uint8)


def _glare(image: Image, rng: Rng) -> Image:
    high, wide = image.shape[:2]
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    away = ((x - rng.uniform(0, wide)) ** 2 + (y - rng.uniform(0, high)) ** 2) / (high * rng.uniform(0.15, 0.9)) ** 2
    light = np.exp(-away)[..., None] * rng.uniform(60, 230)
    return np.asarray(np.clip(image + light, 0, 255), np.uint8)


def _hidden(image: Image, rng: Rng) -> Image:
    """Dirt, a screw, a tow hook, a frame's lip: over an edge, or over a part of one character."""
    high, wide = image.shape[:2]
    hidden = image.copy()
    colour = [int(c) for c in rng.integers(0, 200, 3)]
    if rng.random() < 0.4:
        lip = max(1, round(high * rng.uniform(0.03, 0.12)))
        rows = slice(high - lip, high) if rng.random() < 0.6 else slice(0, lip)
        hidden[rows] = colour
    else:
        axes = (max(1, round(high * rng.uniform(0.04, 0.13))), max(1, round(high * rng.uniform(0.04, 0.13))))
        centre = (int(rng.integers(0, wide)), int(rng.integers(0, high)))
        cv2.ellipse(hidden, centre, axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    return hidden


def _defocus(image: Image, rng: Rng) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.4, image.shape[0] * rng.uniform(0.015, 0.07))), np.uint8)


def _motion_blur(image: Image, rng: Rng) -> Image:
    """Mostly sideways, and up to half a character long or more."""
    length = int(image.shape[0] * math.exp(rng.uniform(math.log(0.06), math.log(0.4))))
    if length < 2:
        return image
    angle = rng.normal(0, 15) if rng.random() < 0.7 else rng.uniform(0, 180)
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), angle, 1)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    return np.asarray(
        cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-3), borderType=cv2.BORDER_REPLICATE), np.uint8
    )


def _night(image: Image, rng: Rng) -> Image:
    dark = image.astype(np.float32) * min(1.0, rng.uniform(15, 60) / max(float(image.mean()), 1.0))
    return _noise(np.clip(dark, 0, 255).astype(np.uint8), rng)


def _noise(image: Image, rng: Rng) -> Image:
    high, wide = image.shape[:2]
    deviation, channels = math.exp(rng.uniform(math.log(2), math.log(22))), 3 if rng.random() < 0.6 else 1
    grain = rng.normal(0, deviation, (high, wide, channels))
    if rng.random() < 0.4:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.8), np.float64).reshape(high, wide, -1) * 1.8
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _zoom(image: Image, rng: Rng) -> Image:
    """Enlarged by the camera or an editor, so that the pixels are fewer than they look."""
    factor = rng.uniform(1.2, 2.5)
    how = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[0.5, 0.4, 0.1]))
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=how), np.uint8)


def _sharpened(image: Image, rng: Rng) -> Image:
    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    share = rng.uniform(0.4, 1.5)
    return np.asarray(cv2.addWeighted(image, 1 + share, soft, -share, 0), np.uint8)


def _compress(image: Image, rng: Rng) -> Image:
    code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(10, 75))])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def _video(image: Image, rng: Rng) -> Image:
    """H.264 or H.265. Encoders corrupt memory on pictures of a few pixels, so these get a border for it."""
    high, wide = image.shape[:2]
    room = [_CODED_PX - side % _CODED_PX for side in (high, wide)]
    whole = cv2.copyMakeBorder(image, 0, room[0], 0, room[1], cv2.BORDER_REPLICATE)
    return video(np.asarray(whole, np.uint8), rng)[:high, :wide]


#: Each harm with the chance that a picture suffers it, in the order in which light, lens, sensor and encoder do them.
_HARMS: tuple[tuple[Harm, float], ...] = (
    (_invert, 0.06),
    (_grey, 0.12),
    (_hidden, 0.08),
    (_shadow, 0.1),
    (_glare, 0.07),
    (_gamma, 0.25),
    (_contrast, 0.2),
    (_night, 0.07),
    (_tint, 0.2),
    (_motion_blur, 0.18),
    (_defocus, 0.15),
    (_noise, 0.2),
    (_sharpened, 0.06),
    (_zoom, 0.1),
    (_compress, 0.3),
    (_video, 0.08),
)


def harmed(image: Image, rng: Rng) -> Image:
    """Return the plate's picture after a random draw of harms; one in nine stays as it was."""
    for damage, chance in _HARMS:
        if rng.random() < chance:
            image = damage(image, rng)
    return image
