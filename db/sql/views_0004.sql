-- New at the end: the evidence frame's name in the result store.
CREATE OR REPLACE VIEW plate_sightings AS
SELECT
    p.text                                     AS plate,
    s.shown,
    s.country,
    s.confidence,
    s.confirmed,
    s.reads,
    j.id                                       AS job,
    j.name                                     AS job_name,
    v.id                                       AS video_id,
    v.path                                     AS video,
    s.first_s,
    s.last_s,
    s.best_s,
    s.first_pts,
    s.last_pts,
    s.best_pts,
    s.x1, s.y1, s.x2, s.y2,
    s.crop,
    s.alternatives,
    s.characters,
    v.finished_at                              AS processed_at,
    s.text                                     AS read_as,
    f.name                                     AS frame
FROM sightings s
JOIN plates p ON p.id = s.plate_id
JOIN videos v ON v.id = s.video_id
JOIN jobs j ON j.id = v.job_id
LEFT JOIN frames f ON f.video_id = s.video_id AND f.pts = s.best_pts;

-- Seconds of footage done a second, over the last two minutes at most; the first end opens the window and is not counted.
CREATE VIEW job_pace AS
SELECT
    j.id                                                                        AS job,
    (
        SELECT (sum(g.end_s - g.start_s) - (array_agg(g.end_s - g.start_s ORDER BY g.moved_at))[1])
               / nullif(extract(epoch FROM now() - min(g.moved_at)), 0)::double precision
        FROM segments g
        WHERE g.job_id = j.id AND g.state IN ('done', 'quarantined') AND g.moved_at > now() - interval '2 minutes'
    )                                                                           AS pace
FROM jobs j;

-- From the counters of the job and of the few videos that are being done; never from all videos or segments. `plates` alone
-- counts a job's sightings, and only where it is asked for.
CREATE OR REPLACE VIEW job_progress AS
SELECT
    j.id                                                                        AS job,
    j.name,
    j.created_at,
    j.finished_at,
    j.videos,
    j.videos_ended,
    j.videos_with_problem,
    j.segments,
    j.segments_done + o.segments_done                                           AS segments_done,
    j.segments_quarantined + o.segments_quarantined                             AS segments_quarantined,
    j.footage_s,
    j.footage_done_s + o.footage_done_s                                         AS footage_done_s,
    (
        SELECT count(DISTINCT s.plate_id)
        FROM sightings s JOIN videos w ON w.id = s.video_id WHERE w.job_id = j.id
    )                                                                           AS plates,
    j.state,
    j.open,
    j.priority,
    j.videos_opened,
    -- What is not opened yet is taken to be as long as the rest.
    CASE WHEN j.videos_opened > 0 THEN j.footage_s / j.videos_opened * j.videos END AS footage_expected_s,
    -- What waits for another attempt, or for the surroundings to mend.
    (
        SELECT count(*) FROM segments g
        WHERE g.job_id = j.id AND g.state = 'pending' AND g.not_before IS NOT NULL
    )                                                                           AS segments_delayed
FROM jobs j
CROSS JOIN LATERAL (
    SELECT coalesce(sum(v.segments_done), 0)::bigint AS segments_done,
           coalesce(sum(v.segments_quarantined), 0)::bigint AS segments_quarantined,
           coalesce(sum(v.footage_done_s), 0) AS footage_done_s
    FROM videos v WHERE v.job_id = j.id AND v.started_at IS NOT NULL AND v.finished_at IS NULL
) o;
