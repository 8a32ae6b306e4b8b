"""`dashplate demo`: a drive whose plates are known, on the real stack."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from synthesis.truth import read_truth
from tests.support.command_line.program import Command, Finished

#: Shorter than the demo that a user sees, which takes a minute to render.
SECONDS, PLATES = 10, 4
LEAST_FOUND = 0.9


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(dashplate: Command, out: Path) -> Finished:
    return dashplate("demo", "--out", out, "--seconds", SECONDS, "--plates", PLATES)


def test_the_demo_finds_its_plates_and_no_others(demo: Finished) -> None:
    assert demo.code == 0, demo.err
    said = re.search(r"(\d+) of (\d+) true plates, (\d+) false", demo.out)
    assert said is not None, demo.out
    found, true, false = map(int, said.groups())
    assert true >= 3
    assert found >= LEAST_FOUND * true
    assert false == 0


def test_the_score_is_what_the_files_say(demo: Finished, out: Path) -> None:
    (truth_file,) = out.glob("*.truth.csv")
    legible = {plate.text for plate in read_truth(truth_file) if plate.legible}
    with (out / "plates.csv").open(encoding="utf-8") as file:
        found = {row["plate"] for row in csv.DictReader(file)}
    assert f"{len(found & legible)} of {len(legible)} true plates" in demo.out


def test_one_of_its_frames_is_a_photograph_to_try(demo: Finished, dashplate: Command, out: Path) -> None:
    """`docs/service.md` sends it by `curl`."""
    assert f"one of its frames: {out / 'frame.jpg'}" in demo.out
    read = dashplate("read", out / "frame.jpg", "--json")
    (truth_file,) = out.glob("*.truth.csv")
    assert {plate["text"] for plate in json.loads(read.out)["plates"]} & {one.text for one in read_truth(truth_file)}


def test_nothing_is_left(demo: Finished) -> None:
    assert demo.left == []
