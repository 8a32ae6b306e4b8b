"""Drawings of several pictures lie side by side, whatever the pictures are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from output.annotate import annotated_names


@pytest.mark.parametrize(
    ("pictures", "names"),
    [
        (["/cards/x.jpg"], ["x.jpg"]),
        (["/cards/x.jpg", "/cards/x.png", "/other/y.jpg"], ["x.jpg", "x.png", "y.jpg"]),
        (["/cards/a/x.jpg", "/cards/b/x.jpg", "/cards/a/y.jpg"], ["a/x.jpg", "b/x.jpg", "y.jpg"]),
        (["/1/a/x.jpg", "/2/a/x.jpg", "/2/b/x.jpg"], ["1/a/x.jpg", "2/a/x.jpg", "2/b/x.jpg"]),
        (["/x.jpg", "/a/x.jpg"], ["x.jpg", "a/x.jpg"]),
        # One file under two spellings is one picture.
        (["/a/x.jpg", "/a/../a/x.jpg"], ["x.jpg", "x.jpg"]),
    ],
)
def test_each_picture_has_a_name_of_its_own(pictures: list[str], names: list[str]) -> None:
    found = annotated_names([Path(picture) for picture in pictures])
    assert [str(found[Path(picture)]) for picture in pictures] == [f"{name}.annotated.jpg" for name in names]
    # In whatever order they come.
    assert annotated_names([Path(picture) for picture in reversed(pictures)]) == found


def test_relative_names_are_told_apart_by_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    found = annotated_names([Path("x.jpg"), Path("../x.jpg")])
    assert list(found.values()) == [Path("here/x.jpg.annotated.jpg"), Path(tmp_path.name, "x.jpg.annotated.jpg")]
