"""Damages a clean picture the way a dashcam does: blur, noise, compression, night, glare, tint."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from .photos import Image

Harm = Callable[[Image, np.random.Generator], Image]


def _resample(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    factor = rng.uniform(0.4, 0.9)
    small = cv2.resize(
        image, None, fx=factor, fy=factor, interpolation=int(rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR]))
    )
    back = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[0.5, 0.4, 0.1]))
    return np.asarray(cv2.resize(small, (width, height), interpolation=back), np.uint8)


def _motion_blur(image: Image, rng: np.random.Generator) -> Image:
    length = int(rng.integers(3, 10))
    angle = rng.normal(0, 15) if rng.random() < 0.7 else rng.uniform(0, 180)
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), angle, 1)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-3)), np.uint8)


def _gaussian_blur(image: Image, rng: np.random.Generator) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.8)), np.uint8)


def _noise(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    grain = rng.normal(0, rng.uniform(3, 18), (height, width, 3 if rng.random() < 0.6 else 1))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _gamma(image: Image, rng: np.random.Generator) -> Image:
    curve = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.7, 0.9)) * 255
    return np.asarray(cv2.LUT(image, curve.astype(np.uint8)), np.uint8)


def _contrast(image: Image, rng: np.random.Generator) -> Image:
    gain, middle = rng.uniform(0.45, 1.4), rng.uniform(60, 160)
    return np.clip((image.astype(np.float32) - middle) * gain + middle, 0, 255).astype(np.uint8)


def _tint(image: Image, rng: np.random.Generator) -> Image:
    gains = rng.uniform(0.7, 1.3, 3).astype(np.float32)
    return np.asarray(np.clip(image * (gains / gains.mean()), 0, 255), np.uint8)


def _grey(image: Image, rng: np.random.Generator) -> Image:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2).astype(np.uint8)


def _glare(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    light = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(light, centre, int(rng.integers(3, 22)), 1.0, -1)
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), rng.uniform(3, 14)), np.float32)
    colour = np.array([rng.uniform(120, 255), rng.uniform(170, 255), 255], np.float32)
    return np.clip(image + light[..., None] * colour, 0, 255).astype(np.uint8)


def _night(image: Image, rng: np.random.Generator) -> Image:
    dark = image.astype(np.float32) * min(1.0, rng.uniform(20, 50) / max(float(image.mean()), 1.0))
    return _noise(np.clip(dark, 0, 255).astype(np.uint8), rng)


def _compress(image: Image, rng: np.random.Generator) -> Image:
    code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 60))])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


#: Each harm with the chance that a picture suffers it, in the order in which a camera does them:
#: light, lens, sensor, encoder.
_HARMS: tuple[tuple[Harm, float], ...] = (
    (_night, 0.06),
    (_gamma, 0.25),
    (_contrast, 0.2),
    (_tint, 0.2),
    (_glare, 0.08),
    (_motion_blur, 0.15),
    (_gaussian_blur, 0.12),
    (_resample, 0.15),
    (_noise, 0.15),
    (_grey, 0.07),
    (_compress, 0.35),
)


def harm(image: Image, rng: np.random.Generator) -> Image:
    """Return the picture after a random draw of harms; about one in six stays as it was."""
    for damage, chance in _HARMS:
        if rng.random() < chance:
            image = damage(image, rng)
    return image
