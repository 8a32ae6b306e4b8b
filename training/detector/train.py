"""Trains a network from scratch for one class, within a time budget, on two CPU cores.

The loop is our own around Ultralytics' network and loss, for three reasons measured on this project's 2 cores:
bfloat16 with channels-last memory trains 39 crops a second against 17 in float32; batches of two shapes (square
crops, whole frames) take turns; and every schedule follows the clock, so that it ends annealed however busy the
machine is.
"""

from __future__ import annotations

import copy
import math
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.ahead import made_ahead
from training.detector.networks import SHIPPED, Network
from training.detector.pictures.crops import Sample
from training.detector.pictures.feed import Batch, RenderedSet, collate
from training.detector.pictures.prepare import CROP_SIZE, SIZES
from training.detector.schedule import Schedule
from training.mixed_precision import mixed_precision

#: Batches that are made while one is learnt from.
_AHEAD = 3
#: How often the loop tells its losses.
_LOG_EVERY_STEPS = 25
#: How often the loop looks whether the machine is busy.
_LOOK_AROUND_STEPS = 10


def train(prepared: Path, out: Path, schedule: Schedule, start_from: Network | Path = SHIPPED) -> Path:
    """Train an untrained network, or a checkpoint on (with the shipped network's activation), with the rendered set.

    Returns the path of the averaged weights, an Ultralytics checkpoint.
    """
    torch.set_num_threads(_threads(schedule.threads))
    torch.manual_seed(schedule.seed)
    out.mkdir(parents=True, exist_ok=True)
    return _Training(prepared, out / "last.pt", schedule, start_from).run()


def _threads(wanted: int) -> int:
    """Use one thread while others want the cores: two that wait for each other get less done than one.

    Measured at a load of 4 to 5 on 2 cores: 6 pictures a second with two threads, 11 to 15 with one.
    """
    cores = os.cpu_count() or 1
    return wanted if os.getloadavg()[0] < cores + 0.8 else 1


class _Training:
    def __init__(self, prepared: Path, target: Path, schedule: Schedule, start_from: Network | Path) -> None:
        from ultralytics.utils import torch_utils

        self._schedule, self._target = schedule, target
        self._crops = RenderedSet(prepared / "crops", schedule.seed)
        hard = prepared / "hard"
        self._hard = RenderedSet(hard, schedule.seed + 3) if (hard / "boxes.npz").exists() else None
        self._frames = [
            (RenderedSet(prepared / kind, schedule.seed + number), max(1, schedule.batch_px // math.prod(SIZES[kind])))
            for number, kind in enumerate(("frames", "large-frames"), 1)
            if (prepared / kind).exists()
        ]
        self._rng = np.random.default_rng(schedule.seed + 2)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = _network(start_from).to(self._device)
        averaging: Any = torch_utils.ModelEMA
        self._ema = averaging(self._model, schedule.ema_decay, schedule.ema_tau)
        self._model.criterion = self._model.init_criterion()
        self._optimiser = _optimiser(self._model, schedule)
        self._started = time.monotonic()
        self._saved = self._started
        self._steps = 0

    @property
    def _progress(self) -> float:
        return (time.monotonic() - self._started) / self._schedule.budget_s

    def run(self) -> Path:
        log, plan = _Log(), self._schedule
        with made_ahead(iter(self._next_batch, None), depth=_AHEAD) as batches:
            while (progress := self._progress) < 1:
                batch = next(batches)
                losses = self._step(batch, progress)
                self._steps += 1
                log.add(losses, len(batch.images))
                if self._steps % _LOOK_AROUND_STEPS == 0:
                    torch.set_num_threads(_threads(plan.threads))
                if self._steps % _LOG_EVERY_STEPS == 0:
                    log.show(self._steps, progress, self._schedule.rate(progress))
                if time.monotonic() - self._saved > self._schedule.save_every_s:
                    self._save()
        self._save()
        return self._target

    def _next_batch(self) -> Batch:
        plan = self._schedule
        late = self._progress >= plan.late
        if self._rng.random() < (plan.late_frame_share if late else plan.frame_share):
            frames, count = self._frames[int(self._rng.integers(len(self._frames)))]
            return collate([frames.draw() for _ in range(count)])
        chance = 0.0 if late else plan.mosaic_chance
        return collate([self._crop(chance) for _ in range(plan.batch_px // math.prod(CROP_SIZE))])

    def _crop(self, mosaic_chance: float) -> Sample:
        if self._hard is not None and self._rng.random() < self._schedule.hard_share:
            return self._hard.draw()
        return self._crops.draw(mosaic_chance)

    def _step(self, batch: Batch, progress: float) -> dict[str, float]:
        for group in self._optimiser.param_groups:
            group["lr"] = self._schedule.rate(progress)
        tensors = {name: tensor.to(self._device) for name, tensor in _tensors(batch).items()}
        with mixed_precision(self._device):
            predictions = self._model(tensors["img"])
        loss, parts = self._model.loss(tensors, _to_float(predictions))
        loss.sum().backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 10.0)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._ema.update(self._model)
        return {name: float(value) for name, value in parts.items()}

    def _save(self) -> None:
        import ultralytics

        model = copy.deepcopy(self._ema.ema).cpu().to(memory_format=torch.contiguous_format).half()
        # Ultralytics notes where it loaded a model from; that is nobody's business.
        vars(model).pop("pt_path", None)
        checkpoint = {
            "model": model,
            "ema": None,
            "train_args": {"task": "detect", "imgsz": 640, "single_cls": True},
            "recipe": {**asdict(self._schedule), "steps": self._steps},
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": ultralytics.__version__,
            "license": "AGPL-3.0",
        }
        part = self._target.with_suffix(".part")
        torch.save(checkpoint, part)
        part.replace(self._target)
        self._saved = time.monotonic()


def _network(start_from: Network | Path) -> Any:
    model = start_from.build() if isinstance(start_from, Network) else _loaded(start_from)
    return model.to(memory_format=torch.channels_last)


def _loaded(checkpoint: Path) -> Any:
    from ultralytics.cfg import get_cfg
    from ultralytics.models import YOLO

    loaded: Any = YOLO(str(checkpoint), task="detect")
    model = SHIPPED.activated(loaded.model.float())
    model.requires_grad_(True)
    model.args = get_cfg()
    return model.train()


def _optimiser(model: torch.nn.Module, schedule: Schedule) -> torch.optim.AdamW:
    kernels = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": schedule.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, schedule.peak_rate, betas=(0.9, 0.999))


def _tensors(batch: Batch) -> dict[str, torch.Tensor]:
    images = torch.from_numpy(np.ascontiguousarray(batch.images[..., ::-1])).permute(0, 3, 1, 2)
    return {
        "img": images.float().div_(255).contiguous(memory_format=torch.channels_last),
        "bboxes": torch.from_numpy(batch.boxes),
        "cls": torch.zeros(len(batch.boxes), 1),
        "batch_idx": torch.from_numpy(batch.index.astype(np.float32)),
    }


def _to_float(value: Any) -> Any:
    """The forward pass runs in bfloat16; box distances need float32 to be compared with truth."""
    if isinstance(value, torch.Tensor):
        return value.float()
    if isinstance(value, dict):
        return {key: _to_float(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_float(item) for item in value)
    return value


class _Log:
    """Prints the mean losses and the speed since the last print."""

    def __init__(self) -> None:
        self._start_over()

    def _start_over(self) -> None:
        self._losses: list[dict[str, float]] = []
        self._pictures = 0
        self._since = time.monotonic()

    def add(self, losses: dict[str, float], pictures: int) -> None:
        self._losses.append(losses)
        self._pictures += pictures

    def show(self, steps: int, progress: float, rate: float) -> None:
        means = {name: np.mean([loss[name] for loss in self._losses]) for name in self._losses[0]}
        parts = " ".join(f"{name} {mean:.3f}" for name, mean in means.items())
        speed = self._pictures / (time.monotonic() - self._since)
        print(f"step {steps} {progress:6.1%} rate {rate:.1e} {parts} {speed:.1f} pictures/s", flush=True)
        self._start_over()
