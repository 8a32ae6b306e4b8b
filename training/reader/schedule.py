"""How a training run spends its time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

#: What a second stage, which starts from trained weights, takes of the first one's rates.
_POLISHING = 0.4


@dataclass(frozen=True)
class Schedule:
    """How to train."""

    #: Wall-clock seconds until the last step.
    budget_s: float = 40 * 60
    #: Highest learning rates of AdamW, of the classifier and of all before it.
    head_rate: float = 1e-3
    body_rate: float = 1e-4
    #: Share of the budget in which the rates climb; then they fall along a cosine to a hundredth.
    warm_up: float = 0.08
    #: Decoupled weight decay, on kernels only.
    weight_decay: float = 1e-2
    #: Pictures of lines in a batch; a two-row plate has two.
    batch: int = 32
    #: Averaged weights (EMA): decay, and the steps over which it builds up.
    ema_decay: float = 0.998
    ema_tau: float = 200.0
    #: Seconds between checkpoints.
    save_every_s: float = 120.0
    #: CPU threads.
    threads: int = 2
    seed: int = 20261121

    def polishing(self) -> Schedule:
        """The schedule of a second stage."""
        return replace(self, head_rate=self.head_rate * _POLISHING, body_rate=self.body_rate * _POLISHING)

    def share(self, progress: float) -> float:
        """Share of the highest rate at a share of the budget: one cycle."""
        if progress < self.warm_up:
            return max(progress / self.warm_up, 0.01)
        done = min((progress - self.warm_up) / (1 - self.warm_up), 1.0)
        return 0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2
