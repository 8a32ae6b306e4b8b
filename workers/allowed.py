"""What this process may open as a video: what lies below its roots, and what was uploaded into its own result store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import overload

from pipeline.errors import Deleted, UsageError
from pipeline.sources.availability import is_unmounted
from pipeline.sources.roots import check_allowed
from pipeline.sources.source import Remote, Source, shown, source_of
from store import upload_folder, uploaded
from workers.result_store import store
from workers.settings import settings


def place_of(name: str) -> Source:
    """What a video is called that lies in the result store under this name, the same on every machine.

    Raises UsageError where the store is of a kind that no video is read from.
    """
    place = source_of(settings().store)
    if isinstance(place, Remote):
        return source_of(f"{place.url.rstrip('/')}/{name}")
    return Path(os.path.abspath(place)) / name


@overload
def allowed(source: Path) -> Path: ...
@overload
def allowed(source: Remote) -> Remote: ...
@overload
def allowed(source: Source) -> Source: ...
def allowed(source: Source) -> Source:
    """The source to open, as `check_allowed` gives it. Raises like that, and Deleted for an upload that is gone."""
    return check_allowed(source, roots_for(source))


def must_not_be_deleted(source: Source) -> None:
    """For what could not be opened: raises Deleted for an upload that is gone, for which a bucket is asked."""
    folder = _upload_folder(source)
    if isinstance(folder, Remote) and not any(store().files(upload_folder(folder.name))):
        raise _deleted(source)


def roots_for(source: Source) -> tuple[Source, ...]:
    """The roots that hold for a source: this process's, and for a whole upload in its own store that upload's folder.

    Of the store's files no other may be opened without a root that holds it; neither a link in that folder nor one on
    the way to it leads anywhere else. Raises Deleted for an upload that is gone.
    """
    own = _upload_folder(source)
    return settings().roots if own is None else (*settings().roots, own)


def _upload_folder(source: Source) -> Source | None:
    """The folder of the upload that a source names by its place in the store; None where it names none."""
    if uploaded("/".join(str(source).split("/")[-3:])) is None:
        # Nearly all: no file system has to be asked.
        return None
    try:
        place = source_of(settings().store)
    except UsageError:
        return None
    if isinstance(place, Remote):
        where = f"{place.url.rstrip('/')}/"
        remote = isinstance(source, Remote) and source.url.startswith(where)
        folder = uploaded(str(source).removeprefix(where)) if remote else None
        return None if folder is None else source_of(where + folder)
    return _folder_here(source, place) if isinstance(source, Path) else None


def _folder_here(source: Path, place: Path) -> Path | None:
    real = Path(os.path.realpath(place))
    # A source that was allowed before has its links resolved.
    held = next((root for root in (Path(os.path.abspath(place)), real) if source.is_relative_to(root)), None)
    folder = None if held is None else uploaded(str(source.relative_to(held)))
    if folder is None or Path(os.path.realpath(real / folder)) != real / folder:
        return None
    if not os.path.isdir(real / folder) and not is_unmounted(real):
        # With its folder gone it would count as away, and be waited for.
        raise _deleted(source)
    return real / folder


def _deleted(source: Source) -> Deleted:
    return Deleted(f"{shown(source)} was uploaded and is deleted since. Upload it again, for a new job.")
