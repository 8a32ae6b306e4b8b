"""Trains every candidate network for the same few minutes on the same pictures, and times it."""

from __future__ import annotations

from pathlib import Path

from training.detector.measuring.evaluate import Detector, detect_all, scored
from training.detector.measuring.measure import score
from training.detector.measuring.timing import SHAPES, checkpoint_ms
from training.detector.networks import CANDIDATES
from training.detector.pictures.photos import load_photos
from training.detector.schedule import Schedule
from training.detector.train import train

_GROUPS = ("oi", "openalpr", "ro")


def compare(prepared: Path, out: Path, data: Path, minutes: float, threshold: float) -> str:
    """Return, as Markdown, what each network recalls after `minutes` of training, and the time it takes."""
    photos = load_photos(data, "dev")
    lines = [
        f"| Network | Parameters | ms at {SHAPES[0][1]} | at {SHAPES[1][1]} | Input | "
        + " | ".join(f"Recall, {group}" for group in _GROUPS)
        + " |",
        "|" + "---|" * (5 + len(_GROUPS)),
    ]
    for network in CANDIDATES:
        weights = train(prepared, out / network.name.replace(" ", "-"), Schedule(budget_s=minutes * 60), network)
        detector, times = Detector(weights), checkpoint_ms(weights)
        parameters = sum(p.numel() for p in network.build().parameters())
        for _, size_px in SHAPES:
            found = detect_all(detector, photos, size_px)
            recalls = [
                score(scored([photo for photo in photos if photo.group == group], found), threshold).recall
                for group in _GROUPS
            ]
            cells = [network.name, f"{parameters:,}", *(f"{ms:.1f}" for ms in times), str(size_px)]
            lines.append("| " + " | ".join([*cells, *(f"{recall:.3f}" for recall in recalls)]) + " |")
            print(lines[-1], flush=True)
    return "\n".join(lines)
