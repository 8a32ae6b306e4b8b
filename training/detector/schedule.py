"""How a training run spends its time."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How to train."""

    #: Wall-clock seconds until the last step.
    budget_s: float = 70 * 60
    #: Learning rate of AdamW after the warm-up; falls along a cosine to a hundredth.
    peak_rate: float = 2e-3
    #: Share of the budget in which the rate climbs.
    warm_up: float = 0.02
    #: Decoupled weight decay, on convolution weights only.
    weight_decay: float = 5e-4
    #: Pixels in a batch: 32 square crops, 13 frames of 640x384 or 6 of 960x544.
    batch_px: int = 3_300_000
    #: Share of frame batches before and after `late`.
    frame_share: float = 0.2
    late_frame_share: float = 0.5
    #: Chance that a crop is a mosaic of four, until `late`.
    mosaic_chance: float = 0.35
    #: Share of the budget after which mosaics stop and whole frames become frequent.
    late: float = 0.65
    #: Share of crops drawn from the hard ones that `mine` found, where there are any.
    hard_share: float = 0.25
    #: Averaged weights (EMA): decay, and the number of steps over which it builds up.
    ema_decay: float = 0.998
    ema_tau: float = 500.0
    #: Seconds between checkpoints.
    save_every_s: float = 240.0
    #: CPU threads.
    threads: int = 2
    seed: int = 20261121

    def rate(self, progress: float) -> float:
        """Learning rate at a share of the budget."""
        if progress < self.warm_up:
            return self.peak_rate * max(progress / self.warm_up, 0.01)
        return self.peak_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(progress, 1.0))) / 2)

    @classmethod
    def polish(cls, budget_s: float) -> Schedule:
        """Second stage: starts from trained weights, at a lower rate and with few mosaics."""
        return cls(
            budget_s=budget_s,
            peak_rate=1.2e-3,
            mosaic_chance=0.15,
            late=0.5,
            seed=20261122,
        )
