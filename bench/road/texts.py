"""Which of the texts that an OCR found in a clip could be plates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evaluation.texts import could_be_plate, normalised

#: Frames in which a text must stand: most misreadings stand in one alone.
LEAST_FRAMES = 2


@dataclass(frozen=True, slots=True)
class TextSpan:
    """One text over a clip; seconds from the first frame."""

    text: str
    #: Frames in which it stands.
    frames: int
    first_s: float
    last_s: float


def spans(frames: Iterable[tuple[float, Sequence[str]]]) -> list[TextSpan]:
    """Unique normalised texts of a plate's length, from each frame's `(time_s, texts)`, as they appear."""
    times: dict[str, list[float]] = {}
    for time_s, texts in frames:
        for text in dict.fromkeys(map(normalised, texts)):
            if could_be_plate(text):
                times.setdefault(text, []).append(time_s)
    return [TextSpan(text, len(seen), seen[0], seen[-1]) for text, seen in times.items()]


def repeated(found: Iterable[TextSpan]) -> list[TextSpan]:
    """Those that stand in more than one frame."""
    return [span for span in found if span.frames >= LEAST_FRAMES]


def span_of(record: Mapping[str, object]) -> TextSpan:
    """A `TextSpan` back from JSON."""
    return TextSpan(
        str(record["text"]),
        int(str(record["frames"])),
        float(str(record["first_s"])),
        float(str(record["last_s"])),
    )
