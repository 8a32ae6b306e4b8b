"""Pages of jobs: which are shown, how far one is, its videos a page at a time, what was seen last."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from db.jobs.submit import NewVideo, add_videos, create_job
from pipeline.job_options import JobOptions
from tests.support.found import sighted
from tests.support.media_files import write_clip
from tests.support.pages import person
from tests.support.service import Served

HOSTILE = "<script>alert(1)</script>\u202e"


def job_of(served: Served, videos: int = 3, name: str = "pages") -> int:
    """A job of so many videos that nobody has opened."""
    with session(served.database_url) as db:
        job = create_job(db, name, JobOptions())
        add_videos(db, job, [NewVideo(f"/videos/{job}/{n}.mp4", f"{job} {n}") for n in range(videos)])
    return job


def do(served: Served, statement: str, **values: object) -> None:
    with session(served.database_url) as db:
        db.execute(text(statement), values)


def ended(served: Served, job: int, state: str = "unreadable", problem: str | None = None) -> None:
    """Let all videos of a job end."""
    do(
        served, "UPDATE videos SET state = :state, problem = :problem, finished_at = now() WHERE job_id = :job",
        job=job, state=state, problem=problem,
    )  # fmt: skip
    do(served, "UPDATE jobs SET state = 'finished', finished_at = now() WHERE id = :job", job=job)


def shown_jobs(client: httpx.Client, query: str = "") -> list[int]:
    answer = client.get(f"/jobs{query}")
    assert answer.status_code == 200, answer.text
    return [int(number) for number in re.findall(r'class="job" href="/jobs/(\d+)"', answer.text)]


def test_jobs_are_shown_by_where_they_are_the_newest_first(served: Served) -> None:
    running, paused, broken, done = (job_of(served) for _ in range(4))
    do(served, "UPDATE jobs SET state = 'paused' WHERE id = :job", job=paused)
    ended(served, broken, problem="It cannot be read.")
    ended(served, done)
    with person(served, Scope.SUBMIT) as client:
        assert shown_jobs(client)[:4] == [done, broken, paused, running]
        assert shown_jobs(client, "?state=running")[0] == running
        assert shown_jobs(client, "?state=paused")[0] == paused
        assert shown_jobs(client, "?state=finished")[:2] == [done, broken]
        assert shown_jobs(client, "?problems=1")[0] == broken
        assert shown_jobs(client, f"?before={paused}")[0] == running
        part = client.get("/jobs", headers={"HX-Request": "true"})
        assert "<html" not in part.text
        assert f'href="/jobs/{done}"' in part.text


def test_a_long_list_goes_on_where_the_page_before_ended(served: Served) -> None:
    jobs = [job_of(served, 1) for _ in range(45)]
    with person(served, Scope.SUBMIT) as client:
        first = client.get("/jobs").text
        older = re.search(r'id="older-jobs" href="([^"]+)"', first)
        assert older, first
        assert shown_jobs(client, older[1].replace("&amp;", "&").removeprefix("/jobs"))[0] == jobs[-41]


def test_a_job_says_how_far_it_is_and_asks_again_until_it_has_ended(served: Served) -> None:
    job = job_of(served, name=HOSTILE)
    with person(served, Scope.SUBMIT) as client:
        page = client.get(f"/jobs/{job}").text
        assert "&lt;script&gt;" in page
        assert "\u202e" not in page
        assert "3 videos are being opened" in page
        assert "every 2s" in page
        assert f"/v1/jobs/{job}/pause" in page
        assert "/export" not in page, "plates are for those who may search"
        assert client.post(f"/v1/jobs/{job}/pause").status_code == 200
        assert "It is paused" in client.get(f"/jobs/{job}/progress").text
        ended(served, job, problem="It cannot be <b>read</b>.")
        part = client.get(f"/jobs/{job}/progress").text
        assert "every 2s" not in part
        assert f"/v1/jobs/{job}/retry" in part
        videos = client.get(f"/jobs/{job}/videos").text
        assert videos.count("It cannot be &lt;b&gt;read&lt;/b&gt;.") == 3
        assert client.get("/jobs/999999999").status_code == 404


def test_videos_come_a_page_at_a_time_and_by_their_state(served: Served) -> None:
    job = job_of(served, 120)
    with person(served, Scope.SUBMIT) as client:
        seen, address = [], f"/jobs/{job}/videos?show=waiting"
        while True:
            part = client.get(address).text
            seen += re.findall(r">\s*(\d+\.mp4)\s*<", part)
            following = re.search(r'id="following-videos" href="/jobs/\d+(\?[^"#]+)', part)
            if not following:
                break
            address = f"/jobs/{job}/videos{following[1].replace('&amp;', '&')}"
        assert seen == [f"{n}.mp4" for n in range(120)]
        assert "No such video" in client.get(f"/jobs/{job}/videos?show=problems").text
        assert client.get(f"/jobs/{job}/videos?show=nothing").status_code == 422


@pytest.fixture
def seen(served: Served, tmp_path: Path) -> tuple[int, list[int]]:
    """A job whose only video showed three plates, and their sightings."""
    sightings = sighted(served.database_url, write_clip(tmp_path / "seen.mp4"), [0.2, 0.4, 0.6])
    with session(served.database_url) as db:
        job = db.execute(
            text("SELECT v.job_id FROM sightings s JOIN videos v ON v.id = s.video_id WHERE s.id = :id"),
            {"id": sightings[0]},
        ).scalar_one()
    do(served, "UPDATE videos SET finished_at = now() WHERE job_id = :job", job=job)
    return int(job), sightings


def test_what_was_seen_last_is_on_record_and_is_not_sent_twice(served: Served, seen: tuple[int, list[int]]) -> None:
    job, sightings = seen
    do(served, "UPDATE jobs SET finished_at = NULL, state = 'running' WHERE id = :job", job=job)
    with person(served, Scope.SUBMIT, Scope.SEARCH) as client:
        page = client.get(f"/jobs/{job}").text
        assert [int(n) for n in re.findall(r'href="/sightings/(\d+)"', page)] == sightings[::-1]
        assert served.last_audited("sightings")[1] == f"job {job}, the newest"
        assert client.get(f"/jobs/{job}/newest?after={sightings[-1]}").status_code == 204
        assert client.get(f"/jobs/{job}/newest?after={sightings[0]}").status_code == 200
    with person(served, Scope.SUBMIT) as client:
        assert "/sightings/" not in client.get(f"/jobs/{job}").text
        assert client.get(f"/jobs/{job}/newest?after=0").status_code == 403


def test_none_of_it_is_shown_to_whoever_may_not_submit(served: Served) -> None:
    job = job_of(served)
    with person(served, Scope.SEARCH) as client:
        for address in ("/jobs", f"/jobs/{job}", f"/jobs/{job}/progress", f"/jobs/{job}/videos"):
            assert client.get(address).status_code == 403
