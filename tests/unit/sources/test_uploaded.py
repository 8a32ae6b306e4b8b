"""Workers open what was uploaded into their own store, and nothing else of it, whatever their roots are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import Away, Deleted, Inaccessible
from pipeline.sources.opening import open_path
from pipeline.sources.roots import NotAllowed
from pipeline.sources.source import Remote, source_of
from workers.allowed import allowed, place_of
from workers.settings import settings

ID, OTHER = "0123456789abcdef" * 2, "f" * 32
#: Puts a store and roots in force; returns nothing.
Use = Callable[[str, str], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    def put(store: str, roots: str) -> None:
        monkeypatch.setenv("DASHPLATE_STORE_DIR", store)
        monkeypatch.setenv("DASHPLATE_ROOTS", roots)
        settings.cache_clear()

    yield put
    settings.cache_clear()


@pytest.fixture
def here(tmp_path: Path, use: Use) -> Path:
    """A store beside the only root, with two uploads and a crop."""
    (tmp_path / "videos").mkdir()
    store = tmp_path / "store"
    for name in (f"uploads/{ID}/clip.mp4", f"uploads/{ID}/part", f"uploads/{OTHER}/clip.mp4", "crops/1/2/x.png"):
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_text(name)
    (tmp_path / "secret.mp4").write_text("secret")
    use(str(store), str(tmp_path / "videos"))
    return store


def test_a_whole_upload_may_be_opened(here: Path) -> None:
    file = place_of(f"uploads/{ID}/clip.mp4")
    assert file == here / f"uploads/{ID}/clip.mp4"
    assert isinstance(file, Path)
    checked = allowed(file)
    with open_path(checked) as opened:
        assert opened.read().decode() == f"uploads/{ID}/clip.mp4"
    assert allowed(checked) == checked


@pytest.mark.parametrize(
    "name",
    [f"uploads/{ID}/part", f"uploads/{ID}", "uploads", ".", "crops/1/2/x.png", f"uploads/{ID}/../../crops/1/2/x.png",
     f"uploads/{ID}/../{OTHER}/clip.mp4", f"uploads/{ID}/./clip.mp4/../../../../secret.mp4",
     f"uploads/{ID[:-1]}/clip.mp4",
     f"uploads/{ID}/a/clip.mp4", f"uploads/{ID.upper()}/clip.mp4", f"uploads/{ID}/.draft-0", f"uploads/{ID}/..",
     "../secret.mp4", f"../store2/uploads/{ID}/clip.mp4"],
)  # fmt: skip
def test_nothing_else_of_the_store_may_be_opened(here: Path, name: str) -> None:
    with pytest.raises(NotAllowed):
        allowed(Path(f"{here}/{name}"))


def test_no_link_leads_out_of_an_upload(here: Path) -> None:
    secret = here.parent / "secret.mp4"
    (here / f"uploads/{ID}/link.mp4").symlink_to(secret)
    (here / f"uploads/{ID}/other.mp4").symlink_to(here / f"uploads/{OTHER}/clip.mp4")
    (here / f"uploads/{'a' * 32}").symlink_to(here.parent)
    for name in (f"{ID}/link.mp4", f"{ID}/other.mp4", f"{'a' * 32}/secret.mp4"):
        with pytest.raises(NotAllowed):
            allowed(here / "uploads" / name)


def test_a_folder_of_uploads_that_is_a_link_is_none(here: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / ID).mkdir(parents=True)
    (tmp_path / "elsewhere" / ID / "clip.mp4").write_text("secret")
    (here / "uploads").rename(here / "were")
    (here / "uploads").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotAllowed):
        allowed(here / f"uploads/{ID}/clip.mp4")


def test_a_link_that_comes_after_the_check_is_not_followed(here: Path) -> None:
    file = here / f"uploads/{ID}/clip.mp4"
    checked = allowed(file)
    file.unlink()
    file.symlink_to(here.parent / "secret.mp4")
    with pytest.raises(Inaccessible, match="leads through a link"):
        open_path(checked)


def test_a_store_behind_a_link_is_the_same_store(here: Path, tmp_path: Path, use: Use) -> None:
    (tmp_path / "short").symlink_to(here)
    use(str(tmp_path / "short"), str(tmp_path / "videos"))
    assert allowed(tmp_path / f"short/uploads/{ID}/clip.mp4") == here / f"uploads/{ID}/clip.mp4"
    assert allowed(here / f"uploads/{ID}/clip.mp4") == here / f"uploads/{ID}/clip.mp4"


def test_a_deleted_upload_is_gone_and_one_of_a_store_that_is_away_is_away(here: Path) -> None:
    with pytest.raises(Deleted, match="deleted since"):
        allowed(here / f"uploads/{'e' * 32}/clip.mp4")
    here.rename(here.parent / "unmounted")
    with pytest.raises(Away):
        allowed(here / f"uploads/{ID}/clip.mp4")


@pytest.mark.parametrize("roots", ["", "/videos", "/videos:s3://depot/other/"])
def test_a_whole_upload_of_a_bucket_may_be_asked_for(use: Use, roots: str) -> None:
    use("s3://depot/results", roots)
    place = place_of(f"uploads/{ID}/clip.mp4")
    assert place == Remote(f"s3://depot/results/uploads/{ID}/clip.mp4")
    assert str(allowed(place)) == str(place)


@pytest.mark.parametrize(
    "url",
    [f"s3://depot/results/uploads/{ID}/part", "s3://depot/results/crops/1/2/x.png", f"s3://depot/uploads/{ID}/clip.mp4",
     f"s3://other/results/uploads/{ID}/clip.mp4", f"s3://depot/results/uploads/{ID}/", "s3://depot/results/uploads/",
     f"s3://depot/results/uploads/{ID}/a/b.mp4"],
)  # fmt: skip
def test_nothing_else_of_a_bucket_may_be_asked_for(use: Use, url: str) -> None:
    use("s3://depot/results", "/videos")
    with pytest.raises(NotAllowed):
        allowed(source_of(url))
