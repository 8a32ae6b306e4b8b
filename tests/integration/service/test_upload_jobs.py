"""Uploads as a job's videos: submitted to real workers, kept for as long as the job, and removed with it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from tests.conftest import ROOT, missing
from tests.support.processes import wait_until
from tests.support.service import Served
from tests.support.uploading import TUS, drive, finished, folder_of, made, sent, uploaded


def age(served: Served, job: int) -> None:
    """Let a job's videos have ended two days ago."""
    with session(served.database_url) as db:
        earlier = "UPDATE videos SET finished_at = finished_at - interval '2 days' WHERE job_id = :job"
        db.execute(text(earlier), {"job": job})


def test_an_upload_is_done_as_a_job_and_goes_with_it(working: Served, client: httpx.Client) -> None:
    data = drive("an uploaded one", look_s=0.5)
    upload = uploaded(client, data, "monday.mp4")
    answer = client.post("/v1/jobs", json={"uploads": [upload]}, headers={"Idempotency-Key": "upload-job"})
    assert answer.status_code == 201, answer.text
    job = answer.json()["job"]
    assert client.delete(f"/v1/uploads/{upload}", headers=TUS).status_code == 409
    video = finished(client, job)
    assert (video["state"], Path(video["path"]).name) == ("done", "monday.mp4")
    assert client.get(f"/v1/jobs/{job}/sightings").json()["items"]
    told = client.get(f"/v1/uploads/{upload}").json()
    assert (told["state"], told["job"], told["video"], told["expires_at"]) == ("submitted", job, video["id"], None)

    again = client.post("/v1/jobs", json={"uploads": [upload]}, headers={"Idempotency-Key": "upload-job"})
    assert (again.status_code, again.json()["job"]) == (201, job)
    other = client.post("/v1/jobs", json={"uploads": [upload]})
    assert (other.status_code, f"job {job}" in other.json()["detail"]) == (409, True)
    assert dashplate(working, "verify", str(job)).returncode == 0

    age(working, job)
    purged = ("purge", "--older-than", "1d", "--job", str(job), "--yes")
    assert dashplate(working, *purged).returncode == 0
    assert folder_of(working, upload).is_dir(), "a purge leaves files alone"
    told = dashplate(working, *purged, "--forget", "--dry-run").stdout
    assert re.search(r"This would delete .*; and 1 uploaded file, [0-9.]+ [a-zA-Z]+\.", told), told
    assert "1 uploaded file" in dashplate(working, *purged, "--forget").stdout
    assert not folder_of(working, upload).exists()
    assert client.get(f"/v1/uploads/{upload}").status_code == 404


def test_an_upload_goes_when_its_jobs_retention_says(working: Served, client: httpx.Client) -> None:
    upload = uploaded(client, drive("one for a moment"))
    job = client.post("/v1/jobs", json={"uploads": [upload], "retain": "1d"}).json()["job"]
    assert finished(client, job)["state"] == "done"
    assert folder_of(working, upload).is_dir()
    age(working, job)
    wait_until("its removal", lambda: not folder_of(working, upload).exists(), every_s=0.2)
    wait_until("its row's", lambda: client.get(f"/v1/uploads/{upload}").status_code == 404)


def test_an_upload_is_deleted_after_its_job(working: Served, client: httpx.Client) -> None:
    upload = uploaded(client, drive("one to be deleted"))
    job = client.post("/v1/jobs", json={"uploads": [upload]}).json()["job"]
    finished(client, job)
    assert client.delete(f"/v1/uploads/{upload}", headers=TUS).status_code == 204
    assert not folder_of(working, upload).exists()
    client.post(f"/v1/jobs/{job}/rerun", json={"step": "detect"})
    finished(client, job)
    assert dashplate(working, "verify", str(job)).returncode == 0


def test_verify_looks_at_uploads(working: Served, client: httpx.Client) -> None:
    data = drive("one to be looked at")
    upload = uploaded(client, data)
    job = str(client.post("/v1/jobs", json={"uploads": [upload]}).json()["job"])
    finished(client, int(job))
    file, unknown = folder_of(working, upload) / "trip.mp4", folder_of(working, "f" * 32) / "trip.mp4"
    unknown.parent.mkdir()
    unknown.write_bytes(b"whole, of another database")
    coming = folder_of(working, made(client, 10)) / "part"
    assert dashplate(working, "verify", job).returncode == 0, "what is no job's is not this job's matter"
    assert dashplate(working, "verify", job, "--sweep").returncode == 0
    assert (unknown.exists(), file.exists(), coming.exists()) == (False, True, True)

    file.write_bytes(data[:-1])
    cut = dashplate(working, "verify", job)
    assert (cut.returncode, f"{len(data) - 1} bytes in place of {len(data)}" in cut.stdout) == (1, True), cut.stdout
    file.unlink()
    gone = dashplate(working, "verify", job)
    assert (gone.returncode, f"uploads/{upload}/trip.mp4" in gone.stdout) == (1, True), gone.stdout


def test_a_job_takes_whole_uploads_only(working: Served, client: httpx.Client) -> None:
    path = made(client, 10)
    sent(client, path, b"0123")
    upload = path.rpartition("/")[2]
    answer = client.post("/v1/jobs", json={"uploads": [upload]})
    assert (answer.status_code, "4 of its 10 bytes" in answer.json()["detail"]) == (409, True)
    assert client.post("/v1/jobs", json={"uploads": ["0" * 32]}).status_code == 404
    assert client.post("/v1/jobs", json={"uploads": ["../x"]}).status_code == 422
    assert client.post("/v1/jobs", json={}).status_code == 400
    # The file itself is no source: nobody but the upload's token may have it read.
    whole = uploaded(client, drive("nobody's"), "x.mp4")
    assert client.post("/v1/jobs", json={"sources": [str(folder_of(working, whole) / "x.mp4")]}).status_code == 422


def test_the_curl_lines_of_uploads_run(working: Served, tmp_path: Path) -> None:
    """`docs/service.md`, its section about uploads, as one script."""
    if shutil.which("curl") is None:
        missing("curl is not installed; run: sudo apt-get install curl")
    section = (ROOT / "docs" / "service.md").read_text("utf-8").partition("## Uploads")[2].partition("\n## ")[0]
    (script,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert script.count("curl ") >= 4
    (tmp_path / "trip.mp4").write_bytes(drive("by curl"))
    here = script.replace("http://127.0.0.1:8080", working.url).replace("curl ", "curl -sS --fail-with-body ")
    env = {"TOKEN": working.token(Scope.SUBMIT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-ec", here], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"state":"running"' in done.stdout


def dashplate(served: Served, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "dashplate", *words]
    return subprocess.run(argv, cwd=ROOT, env=served.env, capture_output=True, text=True, check=False)
