"""What is away, what is gone and what is broken, told apart by what a real system says."""

from __future__ import annotations

import errno
from pathlib import Path

import av
import pytest

from pipeline.errors import Away, Inaccessible
from pipeline.sources import availability
from pipeline.sources.availability import check_reads, says_away
from pipeline.sources.fingerprints import UNSEEN, fingerprint, fingerprints
from pipeline.sources.roots import check_allowed
from pipeline.video.decode import Decoder
from pipeline.video.probe import probe
from pipeline.video.split import split
from tests.support.media_files import half, noise, tidy

#: A regular file that opens, and of which the system says EIO when it is read.
SILENT = Path("/proc/self/mem")

needs_silent = pytest.mark.skipif(not SILENT.is_file(), reason="this system has no file that cannot be read")


def demuxer_says(number: int) -> Exception:
    """As FFmpeg passes an error of the system on."""
    try:
        av.error.err_check(-number)
    except av.error.FFmpegError as problem:
        return problem
    raise AssertionError(number)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one file in a folder."""
    root = tmp_path / "cards"
    (root / "day").mkdir(parents=True)
    (root / "day" / "a.mp4").write_bytes(b"x")
    return root


# Files that cannot be read


@needs_silent
def test_a_file_whose_disk_does_not_answer_is_away() -> None:
    for look in (probe, fingerprint, check_reads):
        with pytest.raises(Away, match=r"mem cannot be read now \(Input/output error\)\. Check that its disk, share"):
            look(SILENT)
    (found,) = fingerprints([SILENT])
    assert found.fingerprint.startswith(UNSEEN)


@pytest.mark.parametrize(
    "name",
    ["EIO", "ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETUNREACH", "ENODEV", "EREMOTEIO"],
)
def test_what_shares_and_disks_say_when_they_are_away_is_known(name: str) -> None:
    assert says_away(OSError(getattr(errno, name), "as the system says it"))
    assert says_away(demuxer_says(getattr(errno, name)))


@pytest.mark.parametrize("name", ["ENOENT", "EACCES", "EISDIR", "ENOTDIR", "EINVAL", "ELOOP", "ENOSPC", "EMFILE"])
def test_what_is_wrong_with_the_file_or_with_us_is_not_away(name: str) -> None:
    assert not says_away(OSError(getattr(errno, name), "as the system says it"))
    assert not says_away(ValueError("no errno at all"))


def test_of_a_file_that_can_be_read_the_demuxers_eio_is_damage(tmp_path: Path) -> None:
    path = tidy(tmp_path)
    check_reads(path, demuxer_says(errno.EIO))
    check_reads(path, demuxer_says(errno.EINVAL))
    check_reads(path)
    with pytest.raises(Away, match="Stale file handle"):
        check_reads(path, demuxer_says(errno.ESTALE))


def test_a_file_that_went_while_it_was_read_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Inaccessible, match="went away while it was read"):
        check_reads(tmp_path / "gone.mp4", demuxer_says(errno.EIO))


def test_what_a_server_did_not_answer_before_it_came_back_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tidy(tmp_path)
    monkeypatch.setattr(availability, "_PROMPT_S", -1.0)
    with pytest.raises(Away, match="cannot be read now"):
        check_reads(path, demuxer_says(errno.EIO))
    check_reads(path)


@needs_silent
def test_what_is_lost_because_the_disk_is_gone_is_no_damage(tmp_path: Path) -> None:
    damaged = noise(tmp_path)
    info = probe(damaged)
    spans = split(info)
    decoders = [Decoder(info, span) for span in spans]
    assert sum(len(list(decoder)) for decoder in decoders) > 0
    assert any(decoder.damage for decoder in decoders), "the file is damaged, and there"
    (number,) = [i for i, decoder in enumerate(decoders) if decoder.damage][:1]
    frames = iter(Decoder(info, spans[number]))
    next(frames)
    # The open file is read to its end; under its name there is now one that does not answer.
    damaged.unlink()
    damaged.symlink_to(SILENT)
    with pytest.raises(Away):
        list(frames)


def test_a_damaged_file_that_is_there_is_not_waited_for(tmp_path: Path) -> None:
    assert probe(half(tmp_path)).problem is not None


# Roots


def test_a_path_is_away_while_its_root_is_missing_or_empty(root: Path) -> None:
    path = root / "day" / "a.mp4"
    assert check_allowed(path, [root]) == path
    gone = root.with_name("gone")
    root.rename(gone)
    sentence = r"a\.mp4 is not there, and the folder cards is missing or empty\. Check the path, and that its share"
    with pytest.raises(Away, match=sentence):
        check_allowed(path, [root])
    # The mount point, without what was mounted; systems leave marks in it.
    root.mkdir()
    (root / ".mount-me").touch()
    with pytest.raises(Away, match=sentence):
        check_allowed(path, [root])
    root.rename(root.with_name("other"))
    gone.rename(root)
    assert check_allowed(path, [root]) == path


def test_a_path_that_is_not_there_in_a_root_with_others_is_gone(root: Path) -> None:
    for name in ("b.mp4", "day/b.mp4", "no-day/b.mp4", "day/a.mp4/b.mp4"):
        missing = root / name
        assert check_allowed(missing, [root]) == missing
        with pytest.raises(Inaccessible) as problem:
            probe(missing)
        assert not isinstance(problem.value, Away)


def test_of_several_roots_those_that_hold_the_path_count(root: Path, tmp_path: Path) -> None:
    unmounted, missing = tmp_path / "unmounted", root / "nas" / "a.mp4"
    unmounted.mkdir()
    assert check_allowed(root / "b.mp4", [unmounted, root]) == root / "b.mp4"
    assert check_allowed(missing, [root]) == missing
    with pytest.raises(Away, match="the folder nas"):
        check_allowed(missing, [root, root / "nas"])


def test_outside_the_roots_nothing_is_away(root: Path, tmp_path: Path) -> None:
    with pytest.raises(Inaccessible, match="lies outside") as problem:
        check_allowed(tmp_path / "elsewhere" / "a.mp4", [root / "none"])
    assert not isinstance(problem.value, Away)
    assert check_allowed(tmp_path / "elsewhere" / "a.mp4", []) == tmp_path / "elsewhere" / "a.mp4"
    # A root that is the file itself.
    assert check_allowed(tmp_path / "only.mp4", [tmp_path / "only.mp4"]) == tmp_path / "only.mp4"
