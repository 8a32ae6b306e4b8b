"""A path that was checked stays what it was: a link that is put in its place afterwards leads nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest

from pipeline.errors import Inaccessible
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo
from pipeline.sources.availability import check_reads
from pipeline.sources.fingerprints import fingerprint
from pipeline.sources.opening import by_name, open_path
from pipeline.sources.roots import check_allowed
from pipeline.video.container import open_packets, open_video, survey
from pipeline.video.decode import Decoder
from pipeline.video.evidence import frames_at
from pipeline.video.keyframes import sample_keyframes
from pipeline.video.photograph import read_photo
from pipeline.video.probe import changed_since, probe
from pipeline.video.split import split
from tests.support.media_files import photo, tidy
from workers.settings import settings
from workers.steps.stage_engine import PipelineEngine

#: What the links that are swapped in stand for: the file itself, its folder, and a folder further up.
SWAPPED = ("drive.mp4", "", "..")


class Share:
    """A root with one video, beside a secret that no root holds."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "share"
        self.video = self.root / "cards/monday/drive.mp4"
        self.video.parent.mkdir(parents=True)
        tidy(folder).rename(self.video)
        self.secret = folder / "secret/monday/drive.mp4"
        self.secret.parent.mkdir(parents=True)
        tidy(folder).rename(self.secret)

    @property
    def checked(self) -> Path:
        return check_allowed(self.video, [self.root])

    def swap(self, what: str) -> None:
        """Put a link to the secret in the place of the file or of a folder that holds it."""
        place = Path(os.path.normpath(self.video.parent / what))
        place.rename(place.with_name("taken away"))
        outside = {"drive.mp4": self.secret, "": self.secret.parent, "..": self.secret.parents[1]}[what]
        place.symlink_to(outside)
        assert self.video.read_bytes() == self.secret.read_bytes(), "who follows links gets the secret"


@pytest.fixture
def share(tmp_path: Path) -> Share:
    return Share(tmp_path)


@pytest.fixture
def worker(share: Share, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of a worker whose only root is the share."""
    monkeypatch.setenv("DASHPLATE_ROOTS", str(share.root))
    settings.cache_clear()
    yield
    settings.cache_clear()


def looks(info: MediaInfo) -> dict[str, Callable[[], object]]:
    """What a worker does with a checked path and what raises where it cannot, each as a call."""
    path = info.path
    assert isinstance(path, Path)
    return {
        "probe": lambda: probe(path),
        "decode": lambda: list(Decoder(info, split(info)[0])),
        "photo": lambda: read_photo(path),
        "fingerprint": lambda: fingerprint(path),
        "change": lambda: changed_since(path, "0" * 64),
        "whether it reads": lambda: check_reads(path),
        "video": lambda: open_video(path).__enter__(),
        "packets": lambda: open_packets(path).__enter__(),
    }


@pytest.mark.parametrize("what", SWAPPED)
def test_a_link_that_comes_after_the_check_is_not_followed(share: Share, what: str) -> None:
    info = probe(share.checked)
    share.swap(what)
    for look in looks(info).values():
        with pytest.raises(Inaccessible, match=r"^drive\.mp4 leads through a link that was not there"):
            look()
    assert list(frames_at(info, [info.start_pts])) == []
    assert list(sample_keyframes(info)) == []


def test_a_worker_that_checks_again_refuses_what_has_become_a_link(share: Share, worker: None) -> None:
    info, [span, *_] = PipelineEngine().probe(str(share.video), JobOptions(keep_overlays=True))
    share.swap("drive.mp4")
    for look in (
        lambda: PipelineEngine().probe(str(share.video), JobOptions()),
        lambda: PipelineEngine().detect(info, span, JobOptions()),
        lambda: list(PipelineEngine().frames(info, [info.start_pts])),
    ):
        with pytest.raises(Inaccessible, match="outside the folders that may be read"):
            look()


@pytest.mark.parametrize("what", SWAPPED)
def test_what_is_open_is_read_to_its_end_whatever_takes_its_name(share: Share, what: str) -> None:
    original = share.video.read_bytes()
    share.secret.write_bytes(b"secret")
    with open_path(share.checked) as file:
        share.swap(what)
        assert file.read() == original
        name = by_name(file)
        assert isinstance(name, str)
        assert Path(name).read_bytes() == original
        with av.open(f"file:{name}") as container:
            assert len([packet for packet in container.demux(video=0) if packet.size]) == 180


def test_a_video_that_is_open_goes_on_under_a_swapped_name(share: Share) -> None:
    with open_video(share.checked) as (container, stream):
        share.secret.write_bytes(b"secret")
        share.swap("drive.mp4")
        assert survey(container, stream).packets == 180


def test_links_that_were_there_when_the_path_was_checked_are_followed_to_their_end(share: Share) -> None:
    (share.root / "latest.mp4").symlink_to(share.video)
    (share.root / "latest").symlink_to(share.video.parent)
    known = probe(share.checked)
    for path in (share.root / "latest.mp4", share.root / "latest/drive.mp4"):
        assert probe(check_allowed(path, [share.root])) == known
        assert replace(probe(path), path=known.path) == known, "without a check links are followed"
        assert fingerprint(path) == fingerprint(share.checked)


def test_what_is_no_file_is_not_waited_for(share: Share) -> None:
    share.video.unlink()
    os.mkfifo(share.video)
    for path in (share.video, share.checked, share.video.parent, check_allowed(share.video.parent, [])):
        with pytest.raises(OSError, match=r"no regular file|Is a directory"):
            open_path(path)
    for path in (share.video, share.checked):
        with pytest.raises(Inaccessible, match=r"drive\.mp4 is a device"):
            probe(path)


def test_an_open_file_is_closed_again(share: Share, tmp_path: Path) -> None:
    jpeg = check_allowed(photo(tmp_path), [])
    before = len(os.listdir("/proc/self/fd"))
    info = probe(share.checked)
    list(Decoder(info, split(info)[0]))
    list(frames_at(info, [info.start_pts]))
    fingerprint(share.checked)
    assert read_photo(jpeg) is not None
    with pytest.raises(FileNotFoundError):
        open_path(check_allowed(share.video.parent / "gone/a.mp4", []))
    assert len(os.listdir("/proc/self/fd")) == before
