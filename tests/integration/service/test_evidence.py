"""Evidence packages over HTTP: signed with the service's key, on record, with clips that processes of their own cut."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import av
import httpx
import pytest

from dashplate.client import Client
from dashplate.evidence.verify import verify
from db.access.scopes import Scope
from pipeline.job_options import JobOptions
from tests.support.found import sighted
from tests.support.media_files import B_FRAMES, write_clip
from tests.support.pages import person
from tests.support.service import Serve, Served

SMALL = replace(B_FRAMES, width=320, height=180, seconds=8)
SECRET = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def signing(serve: Serve) -> Served:
    """A service that has a key."""
    return serve(DASHPLATE_SIGNING_KEY=SECRET)


@pytest.fixture
def video(signing: Served) -> Path:
    return write_clip(signing.folder / "drive.mp4", SMALL)


def test_a_package_comes_signed_with_clip_and_hash(signing: Served, video: Path, tmp_path: Path) -> None:
    first, second = sighted(signing.database_url, video, [2.0, 5.0], plate="EV{:02}DNC")
    with Client(signing.url, signing.token(Scope.SEARCH)) as client:
        saved = client.evidence("EV00DNC", sightings=[second], case="a theft").save(tmp_path / "case.zip")
    verdict = verify(saved)
    assert verdict.wrong == ()
    assert verdict.manifest["sightings"] == [first, second]
    assert verdict.manifest["made_by"].startswith("token ")
    with zipfile.ZipFile(saved) as file:
        facts = json.loads(file.read("sightings.json"))
        clip = file.read(f"sighting-{first}/clip.mp4")
    assert all(one["video"]["sha256"] for one in facts)
    # Rows of the tests have no pictures.
    assert [[left["what"] for left in one["left_out"]] for one in facts] == [["frame"], ["frame"]]
    with av.open(io.BytesIO(clip)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    who, query = signing.last_audited("evidence")
    assert who.startswith("token ")
    assert query == f"a theft: EV00DNC, sighting {second}"


def test_a_sightings_page_offers_its_package(signing: Served, video: Path) -> None:
    (sighting,) = sighted(signing.database_url, video, [0.5], plate="EP{:02}AGE")
    with person(signing, Scope.SEARCH) as client:
        assert f'href="/v1/evidence?sighting={sighting}"' in client.get(f"/sightings/{sighting}").text


def test_clips_can_be_left_out(signing: Served, video: Path) -> None:
    (sighting,) = sighted(signing.database_url, video, [2.0])
    with signing.client(Scope.SEARCH) as client:
        said = client.get("/v1/evidence", params={"sighting": sighting, "clips": "false"}).raise_for_status()
    assert said.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(said.content)) as file:
        assert not any(name.endswith(".mp4") for name in file.namelist())


def test_what_cannot_be_packaged_is_refused_with_a_sentence(signing: Served, video: Path) -> None:
    (hidden,) = sighted(signing.database_url, video, [2.0], JobOptions(hashed=True))
    with signing.client(Scope.SEARCH) as client:

        def refused(**asked: object) -> httpx.Response:
            return client.get("/v1/evidence", params=asked)  # type: ignore[arg-type]

        assert refused(plate="ZZ99ZZZ").status_code == 404
        assert refused(sighting=10**12).status_code == 404
        assert refused(plate="AB*").status_code == 404
        assert refused().status_code == 404
        assert refused(sighting=hidden).status_code == 404
        assert "keyed hash" in refused(sighting=hidden).json()["detail"]
        assert refused(sighting=list(range(1, 60))).status_code == 422
    with signing.client(Scope.SUBMIT) as stranger:
        assert stranger.get("/v1/evidence", params={"plate": "AB00CDE"}).status_code == 403


def test_a_service_without_a_key_signs_nothing(served: Served) -> None:
    with served.client(Scope.SEARCH) as client:
        said = client.get("/v1/evidence", params={"plate": "AB00CDE"})
    assert said.status_code == 409
    assert "DASHPLATE_SIGNING_KEY" in said.json()["detail"]
