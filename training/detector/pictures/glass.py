"""A pane before plates: what a rear window or a windscreen reflects, and the haze of its dirt."""

from __future__ import annotations

import numpy as np

from synthesis.patches import parted, soft_patches
from training.detector.pictures.crops import Sample
from training.detector.pictures.photos import Image

Rng = np.random.Generator

#: How much of the light that reaches the camera a reflection is, and the haze, at their strongest.
_MOST_REFLECTED, _MOST_HAZE = 0.5, 0.3
#: Cells of the pattern that is reflected, along the picture's longer side: clouds, trees, houses.
_CELLS = (3, 14)


def behind_glass(sample: Sample, rng: Rng) -> Sample:
    """Lay a reflection and a haze over the whole picture; its plates are still there."""
    high, wide = sample.image.shape[:2]
    share = _pattern(high, wide, rng)[..., None] * rng.uniform(0.15, _MOST_REFLECTED)
    colour = rng.uniform(120, 255) + rng.uniform(-25, 25, 3)
    haze = rng.uniform(0, _MOST_HAZE)
    hazy = sample.image * (1 - haze) + rng.uniform(70, 200) * haze
    laid = hazy * (1 - share) + np.clip(colour, 0, 255) * share
    image: Image = np.clip(laid, 0, 255).astype(np.uint8)
    return Sample(image, sample.boxes)


def _pattern(high: int, wide: int, rng: Rng) -> np.ndarray:
    """Smooth patches, or patches with edges, 0 to 1, (high, wide)."""
    cells = int(rng.integers(*_CELLS))
    size = (max(2, round(cells * wide / max(high, wide))), max(2, round(cells * high / max(high, wide))))
    smooth = soft_patches(rng.random((size[1], size[0])), high, wide)
    return parted(smooth, (3, 12), rng) if rng.random() < 0.5 else np.clip(smooth, 0, 1)
