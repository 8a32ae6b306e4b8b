"""Fusion's rivals: other methods from several readings of one plate to one text.

They take what fusion takes, one matrix of probabilities per crop, and do with it what other readers do: they first turn
each crop into a string.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from pipeline.formats import Formats
from pipeline.formats.alphabet import BLANK, CHARS, UNREAD, Posterior
from pipeline.reading.fuse import FuseOptions, fuse

#: The method that the pipeline takes.
FUSION = "fusion"


@dataclass(frozen=True, slots=True)
class Said:
    """What one crop says by itself."""

    text: str
    #: Of each character, 0 to 1.
    confidences: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """Mean over the characters, as PaddleOCR reports it."""
        return fmean(self.confidences) if self.confidences else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The crops of one plate, read."""

    #: One (steps, `alphabet.CLASSES`) per crop.
    matrices: tuple[Posterior, ...]
    #: Of each crop; larger is better.
    qualities: tuple[float, ...]


#: From the crops of a plate to its text; empty where nothing is legible.
Method = Callable[[Evidence], str]


def greedy(matrix: Posterior) -> Said:
    """The likeliest class of each step: repeats once, neither blanks nor junk; as PaddleOCR decodes.

    A character's confidence is that of its surest step.
    """
    text: list[str] = []
    confidences: list[float] = []
    before = BLANK
    for row in matrix:
        now = int(row.argmax())
        if now not in UNREAD and now != before:
            text.append(CHARS[now - 1])
            confidences.append(float(row[now]))
        elif now not in UNREAD:
            confidences[-1] = max(confidences[-1], float(row[now]))
        before = now
    return Said("".join(text), tuple(confidences))


def best_crop(said: Sequence[Said], qualities: Sequence[float]) -> str:
    """What the crop of the highest quality says, of those that say anything.

    >>> best_crop([Said("A1", (0.9, 0.9)), Said("B1", (0.5, 0.5))], [0.2, 0.7])
    'B1'
    """
    legible = [(quality, s.text) for s, quality in zip(said, qualities, strict=True) if s.text]
    return max(legible, key=lambda pair: pair[0])[1] if legible else ""


def majority(said: Iterable[Said]) -> str:
    """The string that most crops say; of equally many, the one whose confidences sum up to more.

    >>> majority([Said("A1", (0.3, 0.3)), Said("B1", (0.9, 0.9)), Said("A1", (0.2, 0.2))])
    'A1'
    """
    votes: dict[str, list[float]] = defaultdict(list)
    for s in said:
        if s.text:
            votes[s.text].append(s.confidence)
    return max(votes, key=lambda text: (len(votes[text]), sum(votes[text]), text), default="")


def character_vote(said: Iterable[Said]) -> str:
    """Of the crops with the commonest length, at each position the character whose confidences sum up to most.

    Of equally common lengths, the one whose crops' confidences sum up to more.

    >>> character_vote([Said("A1", (0.9, 0.4)), Said("B1", (0.3, 0.4)), Said("A7", (0.5, 0.7)), Said("A", (1.0,))])
    'A1'
    """
    by_length: dict[int, list[Said]] = defaultdict(list)
    for s in said:
        if s.text:
            by_length[len(s.text)].append(s)
    if not by_length:
        return ""
    length = max(by_length, key=lambda n: (len(by_length[n]), sum(s.confidence for s in by_length[n]), n))
    return "".join(_elected(by_length[length], position) for position in range(length))


def fused(evidence: Evidence, formats: Formats, options: FuseOptions) -> str:
    """The text that `pipeline.reading.fuse` gives."""
    reading = fuse(evidence.matrices, evidence.qualities, formats, options)
    return reading.text if reading else ""


def fusion_methods(formats: Formats) -> Mapping[str, Method]:
    """All methods by their names. The best crop with formats shows what the formats alone are worth."""

    def strings(evidence: Evidence) -> list[Said]:
        return [greedy(matrix) for matrix in evidence.matrices]

    def best_with_formats(evidence: Evidence) -> str:
        best = int(np.argmax(evidence.qualities))
        alone = Evidence((evidence.matrices[best],), (evidence.qualities[best],))
        return fused(alone, formats, FuseOptions())

    return {
        "best crop": lambda e: best_crop(strings(e), e.qualities),
        "best crop, formats": best_with_formats,
        "majority": lambda e: majority(strings(e)),
        "character vote": lambda e: character_vote(strings(e)),
        "fusion, no formats": lambda e: fused(e, formats, FuseOptions(prior=0.0)),
        FUSION: lambda e: fused(e, formats, FuseOptions()),
    }


def _elected(said: Sequence[Said], position: int) -> str:
    votes: dict[str, float] = defaultdict(float)
    for s in said:
        votes[s.text[position]] += s.confidences[position]
    return max(votes, key=lambda char: (votes[char], char))
