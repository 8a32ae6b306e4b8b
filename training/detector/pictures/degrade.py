"""Damages a clean picture the way a dashcam does: blur, noise, compression, night, glare, tint, rain, reflections."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import av
import cv2
import numpy as np

from training.detector.pictures.photos import Image

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
    # Mostly short, sometimes as long as a car passing the other way draws it.
    length = int(np.exp(rng.uniform(np.log(3), np.log(18))))
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


def _pink(image: Image, rng: np.random.Generator) -> Image:
    """A camera without its infrared filter: leaves turn pale, everything turns pink."""
    grey = image.mean(2, keepdims=True)
    pale = grey + (image - grey) * rng.uniform(0.3, 0.8)
    return np.asarray(np.clip(pale * np.array([1.0, rng.uniform(0.75, 0.9), rng.uniform(1.05, 1.3)]), 0, 255), np.uint8)


def _haze(image: Image, rng: np.random.Generator) -> Image:
    """Fog, or a dirty windscreen against the light."""
    share, light = rng.uniform(0.15, 0.6), rng.uniform(120, 230)
    return np.asarray(image * (1 - share) + light * share, np.uint8)


def _reflection(image: Image, rng: np.random.Generator) -> Image:
    """The dashboard mirrored in the windscreen: a blurred, turned copy of bright shapes over the picture."""
    turned = np.roll(image[::-1, :: int(rng.choice([-1, 1]))], int(rng.integers(image.shape[1])), axis=1)
    ghost = np.asarray(cv2.GaussianBlur(turned, (0, 0), rng.uniform(2, 10)), np.float32)
    return np.clip(image + ghost * rng.uniform(0.1, 0.4), 0, 255).astype(np.uint8)


def _rain(image: Image, rng: np.random.Generator) -> Image:
    """Drops on the windscreen, each a small lens that shows the picture smeared, and streaks in the air."""
    height, width = image.shape[:2]
    smeared = cv2.GaussianBlur(image[::-1], (0, 0), 5)
    mask = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(4, 40))):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (int(rng.integers(2, 9)), int(rng.integers(2, 14)))
        cv2.ellipse(mask, centre, axes, rng.uniform(-20, 20), 0, 360, rng.uniform(0.4, 0.9), -1)
    share = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    wet = image * (1 - share) + smeared * share
    streaks = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(0, 60))):
        x, y, long = int(rng.integers(0, width)), int(rng.integers(0, height)), int(rng.integers(6, 24))
        cv2.line(streaks, (x, y), (x + int(rng.integers(-3, 4)), y + long), rng.uniform(10, 50), 1)
    return np.clip(wet + cv2.GaussianBlur(streaks, (0, 0), 0.8)[..., None], 0, 255).astype(np.uint8)


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


def video(image: Image, rng: np.random.Generator) -> Image:
    """Encode the picture as a moving stretch of H.264 or H.265 at a low rate, and take its last frame."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    file = io.BytesIO()
    codec = "libx264" if rng.random() < 0.7 else "libx265"
    options = {"crf": str(int(rng.integers(28, 43))), "preset": "ultrafast", "x265-params": "log-level=none"}
    step = rng.integers(-4, 5, 2)
    with av.open(file, "w", format="mp4") as out:
        stream: Any = out.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for late in (2, 1, 0):
            moved = np.roll(image[:height, :width], (int(step[0]) * late, int(step[1]) * late), (0, 1))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(moved), format="bgr24")))
        out.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as coded:
        last = list(coded.decode(video=0))[-1].to_ndarray(format="bgr24")
    damaged = image.copy()
    damaged[:height, :width] = last
    return damaged


#: Each harm with the chance that a picture suffers it, in the order in which a camera does them:
#: light, lens, sensor, encoder.
_HARMS: tuple[tuple[Harm, float], ...] = (
    (_night, 0.07),
    (_haze, 0.05),
    (_gamma, 0.25),
    (_contrast, 0.15),
    (_pink, 0.06),
    (_tint, 0.15),
    (_reflection, 0.05),
    (_rain, 0.04),
    (_glare, 0.08),
    (_motion_blur, 0.17),
    (_gaussian_blur, 0.1),
    (_resample, 0.15),
    (_noise, 0.15),
    (_grey, 0.06),
    (_compress, 0.22),
    (video, 0.1),
)


def harm(image: Image, rng: np.random.Generator) -> Image:
    """Return the picture after a random draw of harms; about one in six stays as it was."""
    for damage, chance in _HARMS:
        if rng.random() < chance:
            image = damage(image, rng)
    return image
