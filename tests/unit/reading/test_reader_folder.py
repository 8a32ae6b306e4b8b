"""A reader's folder is opened under the roots, and so is what its files lead to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.job_options import JobOptions
from pipeline.sources.roots import NotAllowed
from workers.settings import settings
from workers.steps import stage_engine


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.setenv("DASHPLATE_ROOTS", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def test_a_reader_whose_files_lead_out_of_the_roots_is_refused(root: Path) -> None:
    outside = root.parent / "secret.yml"
    outside.write_text("Global: {model_name: a secret}")
    reader = root / "reader"
    reader.mkdir()
    (reader / "inference.yml").symlink_to(outside)
    with pytest.raises(NotAllowed):
        stage_engine._models(JobOptions(reader=str(reader)))


def test_a_reader_below_a_root_is_taken(root: Path) -> None:
    reader = root / "reader"
    reader.mkdir()
    (reader / "inference.yml").write_text("Global: {}")
    assert stage_engine._models(JobOptions(reader=str(reader))).reader == str(reader)
