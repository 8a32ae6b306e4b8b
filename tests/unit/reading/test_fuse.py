"""Fusion finds the text that all crops together support, and says honestly how sure that is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest

from pipeline.formats import load_formats
from pipeline.formats.alphabet import BLANK, CLASSES, OTHER, Posterior, classes_of
from pipeline.reading import ctc
from pipeline.reading.fuse import FuseOptions, fuse
from pipeline.records import Reading

#: Alternatives at one position: character and probability.
Spots = dict[int, dict[str, float]]


def posterior(text: str, sure: float = 0.97, spots: Spots | None = None, lead: int = 1) -> Posterior:
    """What a recogniser says about a text: a blank after each character, `spots` with other probabilities."""
    matrix = np.zeros((lead + 2 * len(text), CLASSES), dtype=np.float32)
    matrix[:, BLANK] = 1.0
    for position, char in enumerate(text):
        row = matrix[lead + 2 * position]
        says = (spots or {}).get(position, {char: sure})
        row[BLANK] = 1.0 - sum(says.values())
        for said, probability in says.items():
            row[classes_of(said)] = probability
    return matrix


def fused(*matrices: Posterior, countries: list[str] | None = None, options: FuseOptions | None = None) -> Reading:
    reading = fuse(matrices, [1.0] * len(matrices), load_formats(countries), options)
    assert reading is not None
    return reading


def paths(matrix: Posterior) -> Iterator[tuple[ctc.Label, float]]:
    """Every alignment of a small matrix with the text it spells."""
    for path in itertools.product(range(matrix.shape[1]), repeat=matrix.shape[0]):
        label = tuple(kind for kind, _ in itertools.groupby(path) if kind != BLANK)
        yield label, math.prod(float(row[kind]) for row, kind in zip(matrix, path, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_ctc_agrees_with_counting_every_alignment(seed: int) -> None:
    matrix = np.random.default_rng(seed).dirichlet(np.ones(4), size=5).astype(np.float32)
    exact: dict[ctc.Label, float] = {}
    for label, probability in paths(matrix):
        exact[label] = exact.get(label, 0.0) + probability
    labels = list(exact)
    scored = ctc.log_probabilities([matrix, matrix[:3]], labels)
    assert np.exp(scored[0]) == pytest.approx(list(exact.values()), abs=1e-9)
    label, log_probability = ctc.nbest(matrix, beam=200)[0]
    assert label == max(labels, key=exact.__getitem__)
    assert math.exp(log_probability) == pytest.approx(exact[label], rel=1e-5)


def test_repeated_characters_survive() -> None:
    assert fused(posterior("BB00BBB")).text == "BB00BBB"


def test_crops_in_which_the_text_lies_elsewhere_agree() -> None:
    reading = fused(posterior("LS15EBC", lead=1), posterior("LS15EBC", lead=9))
    assert (reading.text, reading.reads, reading.crops) == ("LS15EBC", 2, 2)


def test_fusion_finds_a_text_that_no_crop_reads_alone() -> None:
    mistakes = ((2, "8"), (3, "9"), (5, "2"))
    wrong = [posterior("KV3857", spots={p: {other: 0.5, "KV3857"[p]: 0.4}}) for p, other in mistakes]
    assert all(fused(one).text != "KV3857" for one in wrong)
    assert fused(*wrong).text == "KV3857"


def test_a_letter_of_another_script_stands_among_the_characters_and_not_in_the_text() -> None:
    reading = fused(posterior("29·3306"), posterior("29·3306", spots={2: {"·": 0.8}}))
    assert (reading.text, reading.shown) == ("293306", "29·3306")
    assert len(reading.confidences) == 6
    assert reading.characters[2].confidence > 0.9
    assert reading.reads == 2
    assert "293306" not in [other.text for other in reading.alternatives]


def test_where_a_letter_of_another_script_stands_takes_nothing_from_the_characters() -> None:
    reading = fused(posterior("29·3306"), posterior("2·93306"))
    assert reading.text == "293306"
    assert min(reading.confidences) > 0.8
    several = fused(posterior("··12·34"))
    assert (several.text, several.shown) == ("1234", "··12·34")


def test_a_look_alike_beside_a_letter_of_another_script_is_mended_towards_the_form() -> None:
    reading = fused(posterior("A·I23BC77", spots={2: {"I": 0.6, "1": 0.3}}), countries=["RU"])
    assert (reading.text, reading.shown) == ("A123BC77", "A·123BC77")


def test_a_letter_of_another_script_that_is_hardly_there_is_left_out() -> None:
    reading = fused(posterior("29·3306", spots={2: {"·": 0.2}}))
    assert reading.shown == "293306"


def test_letters_of_other_scripts_alone_are_no_text() -> None:
    assert fuse([posterior("···")], [1.0], load_formats()) is None


def test_the_format_settles_what_the_pixels_cannot() -> None:
    crops = [posterior("LSI5EBC", spots={2: {"I": 0.9, "1": 0.1}})] * 3
    assert fused(*crops).text == "LS15EBC"
    assert fused(*crops, countries=["GB"]).confidence > fused(*crops).confidence
    assert fused(*crops, options=FuseOptions(prior=0.0)).text == "LSI5EBC"


def test_the_format_does_not_overrule_clear_pixels() -> None:
    reading = fused(*[posterior("X7Y8Z9W", sure=0.999)] * 3, countries=["GB"])
    assert reading.text == "X7Y8Z9W"
    assert reading.country is None


def test_one_useless_crop_does_not_overturn_the_others() -> None:
    assert fused(*[posterior("B21GSB")] * 3, posterior("WW1", sure=0.99)).text == "B21GSB"


def test_an_unclear_character_is_the_only_unsure_one() -> None:
    reading = fused(posterior("KV3857", spots={3: {"8": 0.55, "6": 0.4}}))
    assert reading.characters[3].confidence < 0.75
    assert all(c.confidence > 0.85 for i, c in enumerate(reading.characters) if i != 3)
    assert reading.alternatives[0].text == "KV3657"
    assert len(reading.alternatives) <= 5


def test_confidence_does_not_saturate_on_blur() -> None:
    blur = posterior("KV3857", spots={p: {"KV3857"[p]: 0.5, "MW9266"[p]: 0.3} for p in range(6)})
    assert fused(blur).confidence < 0.2
    assert fused(*[blur] * 4).confidence < 0.9


def test_junk_is_left_out_of_the_text() -> None:
    matrix = posterior("KV3857", lead=4)
    matrix[1] = np.eye(1, CLASSES, OTHER, dtype=np.float32)
    assert fused(matrix).text == "KV3857"


def test_the_evidence_is_the_crop_that_supports_the_text_best() -> None:
    reading = fused(posterior("KV3857", sure=0.8), posterior("KV3857", sure=0.99), posterior("KW9999"))
    assert reading.best_crop == 1
    assert reading.reads == 2


def test_nothing_to_read_is_none() -> None:
    assert fuse([posterior("")], [1.0], load_formats()) is None
