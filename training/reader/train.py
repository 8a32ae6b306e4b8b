"""Fine-tunes the plate network with CTC, within a time budget, on two CPU cores.

bfloat16 where the processor has it, channels-last memory, rates that follow the clock, and averaged weights, as the
detector's training has them and for the same reasons.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.ahead import made_ahead
from training.mixed_precision import mixed_precision
from training.reader.charset import BLANK, Target
from training.reader.network import PlateNetwork
from training.reader.pictures.feed import Batch, RenderedSet
from training.reader.schedule import Schedule
from training.reader.weights import Base, plate_network, shipped_network

#: Batches that are made while one is learnt from.
_AHEAD = 3
_LOG_EVERY_STEPS = 50
#: Log-probability of what cannot be: finite, so that gradients stay so.
_NEVER = -30.0


def train(prepared: Path, out: Path, cache_dir: Path, schedule: Schedule, start: Path | None = None) -> Path:
    """Fine-tune on the rendered set; return the averaged weights.

    It starts from the bundled model, from the weights of a checkpoint, or from those of a model folder.
    """
    torch.set_num_threads(schedule.threads)
    torch.manual_seed(schedule.seed)
    out.mkdir(parents=True, exist_ok=True)
    network = _begun(start, cache_dir)
    return _Training(network, RenderedSet(prepared, schedule.batch, schedule.seed), out / "last.pt", schedule).run()


def _begun(start: Path | None, cache_dir: Path) -> PlateNetwork:
    if start is None:
        return plate_network(Base.load(cache_dir))
    return shipped_network(start, Base.load(cache_dir)) if start.is_dir() else load_trained(start, cache_dir)


def load_trained(checkpoint: Path, cache_dir: Path) -> PlateNetwork:
    """Return the network of a checkpoint."""
    network = plate_network(Base.load(cache_dir))
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["weights"])
    return network


def ctc_loss(logits: Tensor, steps: np.ndarray, targets: Sequence[Target]) -> Tensor:
    """Mean CTC loss a sample, over its lines joined: steps behind a line's end are certain blanks.

    `logits` (samples x lines, steps, classes), `steps` (samples, lines).
    """
    samples, lines = steps.shape
    logs = F.log_softmax(logits.float(), -1)
    certain = torch.full_like(logs[0, 0], _NEVER)
    certain[BLANK] = 0.0
    behind = torch.arange(logs.shape[1]) >= torch.from_numpy(steps.reshape(-1, 1))
    logs = torch.where(behind[..., None], certain, logs)
    if lines > 1:
        between = certain.expand(logs.shape[0], 1, -1)
        logs = torch.cat([logs, between], 1).reshape(samples, -1, logs.shape[-1])
    lengths = torch.full((samples,), logs.shape[1], dtype=torch.long)
    target_lengths = torch.tensor([len(target) for target in targets])
    flat = torch.tensor([index for target in targets for index in target], dtype=torch.long)
    losses = F.ctc_loss(
        logs.transpose(0, 1), flat, lengths, target_lengths, blank=BLANK, reduction="none", zero_infinity=True
    )
    return losses.mean()


class _Training:
    def __init__(self, network: PlateNetwork, rendered: RenderedSet, target: Path, schedule: Schedule) -> None:
        self._network = network.to(memory_format=torch.channels_last).train()
        self._average = copy.deepcopy(network).requires_grad_(False)
        self._rendered, self._target, self._schedule = rendered, target, schedule
        self._optimiser = _optimiser(network, schedule)
        self._started = self._saved = time.monotonic()
        self._steps = self._pictures = 0

    @property
    def _progress(self) -> float:
        return (time.monotonic() - self._started) / self._schedule.budget_s

    def run(self) -> Path:
        losses: list[float] = []
        since = time.monotonic()
        with made_ahead(iter(self._rendered.draw, None), depth=_AHEAD) as batches:
            while (progress := self._progress) < 1:
                batch = next(batches)
                losses.append(self._step(batch, progress))
                self._steps += 1
                self._pictures += len(batch.pictures)
                if self._steps % _LOG_EVERY_STEPS == 0:
                    speed = _LOG_EVERY_STEPS * self._schedule.batch / (time.monotonic() - since)
                    print(
                        f"step {self._steps} {progress:6.1%} loss {np.mean(losses):.4f} {speed:.0f} pictures/s, "
                        f"{self._pictures / len(self._rendered):.2f} passes",
                        flush=True,
                    )
                    losses, since = [], time.monotonic()
                if time.monotonic() - self._saved > self._schedule.save_every_s:
                    self._save()
        self._save()
        return self._target

    def _step(self, batch: Batch, progress: float) -> float:
        share = self._schedule.share(progress)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * share
        pictures = torch.from_numpy(batch.pictures).contiguous(memory_format=torch.channels_last)
        with mixed_precision():
            logits = self._network(pictures)
        loss = ctc_loss(logits, batch.steps, batch.targets)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), 5.0)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._follow()
        return float(loss.detach())

    def _follow(self) -> None:
        """Move the averaged weights towards the present ones, faster while they are young."""
        keep = self._schedule.ema_decay * (1 - math.exp(-(self._steps + 1) / self._schedule.ema_tau))
        with torch.no_grad():
            averages, present = list(self._average.parameters()), list(self._network.parameters())
            torch._foreach_lerp_(averages, present, 1 - keep)

    def _save(self) -> None:
        weights = {name: value.contiguous() for name, value in self._average.state_dict().items()}
        recipe = {**asdict(self._schedule), "steps": self._steps, "pictures": self._pictures}
        part = self._target.with_suffix(".part")
        torch.save({"weights": weights, "recipe": recipe}, part)
        part.replace(self._target)
        self._saved = time.monotonic()


def _optimiser(network: PlateNetwork, schedule: Schedule) -> Any:
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault((name.startswith("classifier."), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak": schedule.head_rate if head else schedule.body_rate,
                "weight_decay": schedule.weight_decay if kernels else 0.0,
            }
            for (head, kernels), parameters in groups.items()
        ],
        lr=schedule.body_rate,
    )
