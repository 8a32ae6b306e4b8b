"""Connectionist temporal classification: the likeliest texts of a probability matrix, and the probability of any text.

After Graves et al. 2006; the prefix beam search follows Hannun et al. 2014 without a language model. Texts are tuples
of classes here; blanks never stand in them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Label: TypeAlias = tuple[int, ...]

BLANK = 0
#: Prefixes kept per step. 8 and 32 give the same first text on all 544 dev crops.
BEAM = 8
#: A class less likely than this starts no new prefix: it costs time and never wins.
_LEAST_PROBABILITY = 1e-3
#: Keeps impossible texts comparable: probability below which a forward pass does not distinguish.
_TINY = 1e-30


def nbest(matrix: NDArray[np.float32], beam: int = BEAM) -> list[tuple[Label, float]]:
    """The likeliest texts of one matrix (steps, classes) with their log-probabilities, likeliest first."""
    ends_blank: dict[Label, float] = {(): 1.0}
    ends_char: dict[Label, float] = {}
    for row in matrix:
        above = (int(index) for index in np.flatnonzero(row > _LEAST_PROBABILITY))
        likely = [(index, float(row[index])) for index in above if index != BLANK]
        ends_blank, ends_char = _step(row, likely, ends_blank, ends_char)
        if not likely:
            continue
        ranked = sorted({*ends_blank, *ends_char}, key=lambda p: -ends_blank.get(p, 0.0) - ends_char.get(p, 0.0))
        ends_blank = {prefix: ends_blank.get(prefix, 0.0) for prefix in ranked[:beam]}
        ends_char = {prefix: ends_char.get(prefix, 0.0) for prefix in ranked[:beam]}
    totals = {prefix: ends_blank[prefix] + ends_char[prefix] for prefix in ends_blank}
    ranked = sorted(totals, key=lambda prefix: -totals[prefix])
    return [(prefix, float(np.log(max(totals[prefix], _TINY)))) for prefix in ranked]


def _step(
    row: NDArray[np.float32],
    likely: Sequence[tuple[int, float]],
    ends_blank: dict[Label, float],
    ends_char: dict[Label, float],
) -> tuple[dict[Label, float], dict[Label, float]]:
    """One step of the search: probabilities of prefixes ending in a blank, and in their last character.

    `likely` are the characters that may begin here; where there are none, no prefix is new.
    """
    next_blank: dict[Label, float] = {}
    next_char: dict[Label, float] = defaultdict(float)
    blank = float(row[BLANK])
    for prefix, after_blank in ends_blank.items():
        after_char = ends_char.get(prefix, 0.0)
        next_blank[prefix] = (after_blank + after_char) * blank
        if prefix:
            next_char[prefix] += after_char * float(row[prefix[-1]])
        for index, probability in likely:
            repeats = bool(prefix) and prefix[-1] == index
            next_char[(*prefix, index)] += probability * (after_blank if repeats else after_blank + after_char)
    return next_blank, next_char


def log_probabilities(matrices: Sequence[NDArray[np.float32]], labels: Sequence[Label]) -> NDArray[np.float64]:
    """Log-probability of each text under each matrix, all alignments summed: shape (matrices, labels).

    The forward algorithm, over all matrices and texts at once.
    """
    emissions, final = _emissions(_stacked(matrices), labels)
    skip = _may_skip(labels)
    alpha = np.zeros(emissions.shape[:1] + emissions.shape[2:])
    alpha[..., :2] = emissions[:, 0, :, :2]
    logs = np.zeros(alpha.shape[:2])
    for step in range(1, emissions.shape[1]):
        scale = np.maximum(alpha.sum(axis=-1), _TINY)
        logs += np.log(scale)
        alpha /= scale[..., None]
        moved = alpha.copy()
        moved[..., 1:] += alpha[..., :-1]
        moved[..., 2:] += np.where(skip[None, :, 2:], alpha[..., :-2], 0.0)
        alpha = moved * emissions[:, step]
    ended = np.take_along_axis(alpha, final[None, :, :], axis=-1).sum(axis=-1)
    return np.asarray(logs + np.log(np.maximum(ended, _TINY)))


def _stacked(matrices: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Matrices of unequal length in one array; what is missing is certain blank."""
    steps = max(matrix.shape[0] for matrix in matrices)
    stacked = np.zeros((len(matrices), steps, matrices[0].shape[1]))
    stacked[:, :, BLANK] = 1.0
    for row, matrix in zip(stacked, matrices, strict=True):
        row[: matrix.shape[0]] = matrix
    return stacked


def _emissions(stacked: NDArray[np.float64], labels: Sequence[Label]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Probability of each state at each step, (matrices, steps, labels, states), and each text's two final states.

    States alternate blank, character, blank; those past a text's end have probability 0.
    """
    longest = max(len(label) for label in labels)
    states = np.full((len(labels), 2 * longest + 1), BLANK, dtype=np.intp)
    exists = np.zeros(states.shape)
    for row, label in enumerate(labels):
        states[row, 1 : 2 * len(label) : 2] = label
        exists[row, : 2 * len(label) + 1] = 1.0
    # A text without characters ends only in its one blank: the state beside it does not exist and adds nothing.
    final = np.array([(2 * len(label), max(2 * len(label) - 1, 1)) for label in labels], dtype=np.intp)
    if longest == 0:
        states, exists = np.pad(states, ((0, 0), (0, 2))), np.pad(exists, ((0, 0), (0, 2)))
    return stacked[:, :, states] * exists, final


def _may_skip(labels: Sequence[Label]) -> NDArray[np.bool_]:
    """Whether a state may be reached from two before it: a character that differs from the one before."""
    longest = max(1, max(len(label) for label in labels))
    skip = np.zeros((len(labels), 2 * longest + 1), dtype=np.bool_)
    for row, label in enumerate(labels):
        for position in range(1, len(label)):
            skip[row, 2 * position + 1] = label[position] != label[position - 1]
    return skip
