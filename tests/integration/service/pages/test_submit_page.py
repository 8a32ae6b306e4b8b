"""The page for submitting: what it says a job would cost, what was uploaded before, and whom it lets in."""

from __future__ import annotations

import base64

from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from db.jobs.submit import NewVideo, add_videos, create_job
from pipeline.job_options import JobOptions
from tests.support.pages import person
from tests.support.service import Served


def upload_headers(name: str, size: int) -> dict[str, str]:
    named = base64.b64encode(name.encode()).decode()
    return {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": f"filename {named}"}


def finished_job(served: Served) -> int:
    """A job that did 60 s of footage in 30 s and left 6,000 bytes."""
    with session(served.database_url) as db:
        job = create_job(db, "learned", JobOptions())
        add_videos(db, job, [NewVideo("/videos/learned.mp4", f"learned {job}")])
        video = db.execute(text("SELECT id FROM videos WHERE job_id = :job"), {"job": job}).scalar_one()
        db.execute(
            text(
                """
                INSERT INTO segments
                    (video_id, job_id, index, start_pts, end_pts, start_s, end_s, state, attempt, moved_at)
                SELECT :video, :job, 0, 0, 60, 0, 60, 'done', 1, created_at + interval '30 s' FROM jobs WHERE id = :job
                """
            ),
            {"video": video, "job": job},
        )
        for table, key in (("videos", "id"), ("jobs", "id")):
            db.execute(
                text(f"UPDATE {table} SET finished_at = now(), footage_done_s = 60 WHERE {key} = :id"),
                {"id": video if table == "videos" else job},
            )
        db.execute(text("UPDATE jobs SET state = 'finished' WHERE id = :job"), {"job": job})
        db.execute(
            text("INSERT INTO frames (video_id, pts, name, sha256, size) VALUES (:video, 0, 'f', '', 6000)"),
            {"video": video},
        )
    return job


def test_time_and_storage_are_said_before_anything_is_submitted(served: Served) -> None:
    job = finished_job(served)
    chosen = {"files": 2, "size_bytes": 2_000_000, "video_bytes": 2_000_000}
    with person(served, Scope.SUBMIT) as client:
        # Half of it was looked at: ten minutes of footage, so twenty in all.
        answer = client.post("/submit/expected", data={**chosen, "sampled_bytes": 1_000_000, "sampled_s": 600.0}).text
        assert "2.0 MB" in answer
        assert "~20 min" in answer
        assert "~10 min" in answer, "at twice real time"
        assert "~120.0 kB" in answer
        assert f"job {job}" in answer
        kept = client.post("/submit/expected", data={**chosen, "sampled_bytes": 1, "sampled_s": 1.0, "keeps": "false"})
        assert "0 bytes" in kept.text


def test_paths_are_looked_for_and_refused_in_words(served: Served) -> None:
    folder = served.folder / "card"
    folder.mkdir()
    for name in ("one.mp4", "two.mp4", "notes.txt"):
        (folder / name).write_bytes(b"x" * 500)
    with person(served, Scope.SUBMIT) as client:
        found = client.post("/submit/expected", data={"sources": f"\n  {folder}  \n"}).text
        assert "1.0 kB" in found
        for outside in ("/etc/passwd", "no path", "/etc/<b>.mp4"):
            answer = client.post("/submit/expected", data={"sources": outside})
            assert answer.status_code == 200
            assert 'class="wrong"' in answer.text
            assert "<b>" not in answer.text


def test_what_was_uploaded_before_waits_there_for_its_owner_alone(served: Served) -> None:
    name = "drive <b>\u202e.mp4"
    with person(served, Scope.SUBMIT) as client:
        made = client.post("/v1/uploads", headers=upload_headers(name, 4))
        assert made.status_code == 201, made.text
        page = client.get("/submit").text
        upload = made.headers["location"].rpartition("/")[2]
        assert f'data-upload="{upload}"' in page
        assert "drive &lt;b&gt;" in page
        assert "drive <b>" not in page
        assert "\u202e" not in page
        piece = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        assert client.patch(f"/v1/uploads/{upload}", headers=piece, content=b"abcd").status_code == 204
        assert "data-whole" in client.get("/submit").text
    with person(served, Scope.ADMIN) as other:
        assert upload not in other.get("/submit").text


def test_only_whoever_may_submit_sees_it(served: Served) -> None:
    with person(served, Scope.SEARCH) as client:
        assert client.get("/submit").status_code == 403
        assert client.post("/submit/expected").status_code == 403
        assert 'href="/submit"' not in client.get("/").text
