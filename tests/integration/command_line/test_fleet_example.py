"""The fleet example of `docs/command-line.md`, line by line: what it says may be read is read, and nothing else is."""

from __future__ import annotations

import os
import re
import shlex
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from dashplate.bring_up import default_roots
from dashplate.stack import Stack
from pipeline.sources.roots import PUBLIC, check_allowed, join_roots, split_roots
from pipeline.sources.source import is_url, source_of
from tests.conftest import ROOT
from tests.support.media_files import tidy
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.s3_server import bucket, s3_server
from tests.support.web_server import WebServer, web_server
from workers.settings import Settings

_PAGE = ROOT / "docs" / "command-line.md"
#: Commands of the fleet example, without their comments.
FLEET = [
    line.partition("  #")[0].strip()
    for line in re.findall(r"## A fleet.*?```\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)[0].splitlines()
]

#: How its line with all kinds of names begins.
_MIXED = "dashplate submit 'cards/**"


@dataclass(frozen=True)
class Place:
    """Where the example's names lie in the test: folders of its own, S3 and two web servers on this machine."""

    folder: Path
    camera: WebServer
    stranger: WebServer
    env: Mapping[str, str]

    def spelled(self, line: str) -> str:
        """A line of the example with names that lead here."""
        here = line.replace("https://cam.example.org", self.camera.url)
        return re.sub(r"(?<=[ =])/(mnt|depot)", rf"{self.folder}/\1", here)

    def start(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a shell line to its end."""
        program = shlex.join([sys.executable, "-m", "dashplate"])
        command = re.sub(r"\bdashplate(?= )", lambda _: program, line, count=1)
        return subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env=dict(self.env), text=True, capture_output=True, check=False
        )

    def run(self, line: str) -> str:
        """What a shell line prints that ends well."""
        done = self.start(line)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def up(self, line: str) -> Iterator[None]:
        """What the line brings up, Flower and the service left out, while the block runs."""
        command = [sys.executable, "-m", "dashplate", *shlex.split(line)[1:], "--flower-port", "0", "--port", "0"]
        with subprocess.Popen(
            command, cwd=self.folder, env=dict(self.env), stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                assert "is up" in process.stdout.readline()
                yield
            finally:
                process.terminate()
                process.wait(PATIENCE_S)

    def opened(self, job: str) -> dict[str, str | None]:
        """What is said of each video of a job once all have been opened, by its name; None of those that were read."""
        query = text("SELECT path, state, problem FROM videos WHERE job_id = :job")

        def look() -> dict[str, str | None]:
            rows = database.execute(query, {"job": int(job)}).mappings().all()
            if not rows or any(row["state"] == "registered" for row in rows):
                return {}
            return {row["path"].removeprefix(f"{self.folder}/"): row["problem"] for row in rows}

        with (
            Stack.open(Path(self.env["DASHPLATE_DATA_DIR"])) as servers,
            create_engine(servers.database_url, poolclass=NullPool).connect() as connection,
        ):
            database = connection.execution_options(isolation_level="AUTOCOMMIT")
            return wait_until("the videos to be opened", look, every_s=0.2)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Everything that the example names, each file unlike the others."""
    clip = tidy(tmp_path).read_bytes()
    # A name, and bytes at the end that no reader minds.
    films = {
        name: clip + struct.pack(">I4sI", 12, b"free", number)
        for number, name in enumerate(
            ("cards/day/1_F.mp4", "cards/2.mp4", "cards/listed.mp4", "mnt/3.mp4", "1.mp4", "s3.mp4", "x.mp4")
        )
    }
    for name in ("cards/day/1_F.mp4", "cards/2.mp4", "cards/listed.mp4", "mnt/3.mp4"):
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(films[name])
    (tmp_path / "here/list.txt").write_text("cards/listed.mp4\n")
    with (
        s3_server() as endpoint,
        bucket(endpoint, "bucket", monkeypatch) as s3,
        web_server() as site,
        web_server() as other,
    ):
        s3.put_object(Bucket="bucket", Key="drives/s3.mp4", Body=films["s3.mp4"])
        site.files["/1.mp4"] = films["1.mp4"]
        other.files["/x.mp4"] = films["x.mp4"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
        ours = {
            "DASHPLATE_DATA_DIR": str(tmp_path / "data"),
            "DASHPLATE_WORK": "tests.support.opening:Opening",
            "HOME": str(tmp_path / "home"),
            "PYTHONPATH": str(ROOT),
        }
        (tmp_path / "home").mkdir()
        yield Place(tmp_path / "here", site, other, kept | ours)


def line_with(beginning: str) -> str:
    """The line of the example that begins so."""
    [line] = [line for line in FLEET if line.startswith(beginning)]
    return line


def test_what_the_example_hands_to_a_fleet_is_read_and_no_private_address_besides(place: Place) -> None:
    up = f"{place.spelled(line_with('dashplate up'))} --root {place.camera.url}/"
    # A host that no root names, and the named one at another port.
    stranger = f"http://localhost:{place.stranger.port}/x.mp4"
    with place.up(up):
        mixed = place.run(
            f"{place.spelled(line_with(_MIXED))} {stranger} {place.stranger.url}/x.mp4 sftp://nas.invalid/1.mp4"
        )
        found = place.run(place.spelled(line_with("find /mnt")))
        refused = place.opened(mixed)
        assert "private network address" in (refused.pop(stranger) or "")
        assert "outside the addresses" in (refused.pop(f"{place.stranger.url}/x.mp4") or "")
        assert "nobody has allowed" in (refused.pop("sftp://nas.invalid/1.mp4") or "")
        read = ("cards/day/1_F.mp4", "cards/listed.mp4", "s3://bucket/drives/s3.mp4", f"{place.camera.url}/1.mp4")
        assert refused == dict.fromkeys(read)
        assert place.opened(found) == {"mnt/3.mp4": None}
    assert place.camera.asked
    assert place.stranger.asked == []


def test_without_roots_the_example_names_folders_and_public_addresses_and_no_private_one(place: Place) -> None:
    with place.up("dashplate up"):
        job = place.run(place.spelled(line_with(_MIXED)))
        said = place.opened(job)
        assert "private network address" in (said.pop(f"{place.camera.url}/1.mp4") or "")
        read = ("cards/day/1_F.mp4", "cards/listed.mp4", "s3://bucket/drives/s3.mp4")
        assert said == dict.fromkeys(read)
    # `run` names it, and has not thereby allowed it.
    done = place.start(f"dashplate run {place.camera.url}/1.mp4")
    assert (done.returncode, "private network address" in done.stderr) == (3, True), done.stderr
    assert place.camera.asked == []


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_every_address_of_the_example_lies_under_the_roots_that_are_meant_without_any(scheme: str) -> None:
    roots = default_roots(Settings(roots=()), [])
    assert split_roots(join_roots(roots)) == roots
    named = [word for line in FLEET for word in shlex.split(line) if is_url(word) and word != PUBLIC.url]
    assert len(named) >= 2
    for word in named:
        check_allowed(source_of(re.sub("^https", scheme, word)), roots)
