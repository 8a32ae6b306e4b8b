"""What a photograph shows, as other programs print it; and how calls are counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashplate.commands import photos
from dashplate.service import access
from dashplate.service.access import Bucket
from output.photos import as_json_object, as_openalpr
from pipeline.photo import PhotoPlate
from pipeline.records import Box, Candidate, Character, Detection, Reading


def plate(text: str | None) -> PhotoPlate:
    found = Detection(Box(10.4, 20.0, 110.0, 45.6), 0.9)
    if text is None:
        return PhotoPlate(found, None)
    others = (Candidate("AB12CDF", 0.02),)
    characters = tuple(Character(c, 0.9) for c in text)
    return PhotoPlate(found, Reading(text, 0.93, characters, others, "GB", 1, 1, 0, 0.875))


def test_openalpr_s_form_has_what_its_readers_read() -> None:
    told = as_openalpr(np.zeros((480, 640, 3), np.uint8), [plate("AB12CDE"), plate(None)], 1592745193.749, 0.5)
    assert (told["version"], told["data_type"], told["epoch_time"]) == (2, "alpr_results", 1592745193749)
    assert (told["img_width"], told["img_height"], told["processing_time_ms"]) == (640, 480, 500.0)
    (result,) = told["results"]
    assert (result["plate"], result["confidence"]) == ("AB12CDE", 93.0)
    assert (result["region"], result["region_confidence"]) == ("gb", 87.5)
    corners = [(c["x"], c["y"]) for c in result["coordinates"]]
    assert corners == [(10, 20), (110, 20), (110, 46), (10, 46)], "clockwise from the upper left"
    assert [c["plate"] for c in result["candidates"]] == ["AB12CDE", "AB12CDF"]
    assert as_openalpr(np.zeros((4, 4, 3), np.uint8), [], 0.0, 0.1)["results"] == []


def test_what_may_be_another_character_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    sure = plate("AB12CDE")
    unsure = PhotoPlate(sure.detection, replace(sure.reading, alternatives=(Candidate("AB12CDF", 0.12345),)))  # type: ignore[type-var]
    told = as_json_object("car.jpg", np.zeros((4, 4, 3), np.uint8), [sure, unsure])
    assert [one["regions"] for one in told["plates"]] == [[], []], "Britain's forms tell none"
    assert [one["unsure_between"] for one in told["plates"]] == [None, {"place": 7, "char": "F", "confidence": 0.1235}]
    photos._print(Path("car.jpg"), [sure, unsure])
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first.endswith("93%")
    assert second.endswith("93%  or F in place 7: 12%")


def test_a_bucket_gives_so_many_at_once_and_then_so_many_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(access.time, "monotonic", lambda: now[0])
    bucket = Bucket(3, 2.0)
    assert [bucket.take("ann") for _ in range(4)] == [True, True, True, False]
    assert bucket.take("ben"), "each has a bucket of their own"
    now[0] += 0.5
    assert [bucket.take("ann") for _ in range(2)] == [True, False]
    now[0] += 3600
    assert [bucket.take("ann") for _ in range(4)] == [True, True, True, False], "it holds no more than at first"
