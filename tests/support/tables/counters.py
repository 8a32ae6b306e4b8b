"""Every counter of the tables, held against a count over rows."""

from __future__ import annotations

from sqlalchemy import text

from db.engine import session


def check_counters(url: str) -> None:
    """Every counter equals a count over rows, and so does the progress view."""
    with session(url) as db:
        for name, query in _COUNTERS.items():
            wrong = db.execute(text(query)).mappings().all()
            assert not wrong, f"{name}: {[dict(row) for row in wrong]}"


_ENDED = "g.state IN ('done', 'quarantined')"
_OF_A_VIDEO = f"""
    SELECT v.id, v.job_id, v.finished_at, v.kind, v.problem, v.duration_s,
           count(g.id) AS segments,
           count(*) FILTER (WHERE g.state = 'done') AS segments_done,
           count(*) FILTER (WHERE g.state = 'quarantined') AS segments_quarantined,
           coalesce(sum(g.end_s - g.start_s) FILTER (WHERE {_ENDED}), 0) AS footage_done_s
    FROM videos v LEFT JOIN segments g ON g.video_id = v.id GROUP BY v.id
"""
#: Rows whose counters are wrong, beside what was counted.
_COUNTERS = {
    "videos": f"""
        SELECT to_jsonb(v) AS video, to_jsonb(c) AS counted
        FROM videos v JOIN ({_OF_A_VIDEO}) c ON c.id = v.id
        WHERE (v.segments, v.segments_done, v.segments_quarantined)
              <> (c.segments, c.segments_done, c.segments_quarantined)
           OR abs(v.footage_done_s - c.footage_done_s) > 1e-6
           OR (v.started_at IS NULL AND c.segments_done + c.segments_quarantined > 0)
    """,
    "jobs": f"""
        SELECT to_jsonb(j) AS job, to_jsonb(c) AS counted
        FROM jobs j JOIN (
            SELECT j.id, count(v.id) AS videos, count(v.finished_at) AS ended,
                   count(*) FILTER (WHERE v.finished_at IS NOT NULL AND v.problem IS NOT NULL) AS with_problem,
                   count(*) FILTER (WHERE v.finished_at IS NOT NULL OR v.kind IS NOT NULL) AS opened,
                   coalesce(sum(v.segments), 0) AS segments, coalesce(sum(v.duration_s), 0) AS footage_s,
                   coalesce(sum(v.segments_done) FILTER (WHERE v.finished_at IS NOT NULL), 0) AS done,
                   coalesce(sum(v.segments_quarantined) FILTER (WHERE v.finished_at IS NOT NULL), 0) AS quarantined,
                   coalesce(sum(v.footage_done_s) FILTER (WHERE v.finished_at IS NOT NULL), 0) AS footage_done_s
            FROM jobs j LEFT JOIN ({_OF_A_VIDEO}) v ON v.job_id = j.id GROUP BY j.id
        ) c ON c.id = j.id
        WHERE (j.videos, j.videos_ended, j.videos_with_problem, j.videos_opened)
              <> (c.videos, c.ended, c.with_problem, c.opened)
           OR (j.segments, j.segments_done, j.segments_quarantined) <> (c.segments, c.done, c.quarantined)
           OR abs(j.footage_s - c.footage_s) > 1e-6 OR abs(j.footage_done_s - c.footage_done_s) > 1e-6
    """,
    "progress": f"""
        SELECT to_jsonb(p) AS progress, to_jsonb(c) AS counted
        FROM job_progress p JOIN (
            SELECT j.id, coalesce(sum(v.segments_done), 0) AS done,
                   coalesce(sum(v.segments_quarantined), 0) AS quarantined,
                   coalesce(sum(v.footage_done_s), 0) AS footage_done_s,
                   (SELECT count(*) FROM segments g
                    WHERE g.job_id = j.id AND g.state = 'pending' AND (g.not_before IS NOT NULL OR g.parked)) AS delayed
            FROM jobs j LEFT JOIN ({_OF_A_VIDEO}) v ON v.job_id = j.id GROUP BY j.id
        ) c ON c.id = p.job
        WHERE (p.segments_done, p.segments_quarantined, p.segments_delayed) <> (c.done, c.quarantined, c.delayed)
           OR abs(p.footage_done_s - c.footage_done_s) > 1e-6
    """,
}
