CREATE VIEW plate_sightings AS
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
    v.finished_at                              AS processed_at
FROM sightings s
JOIN plates p ON p.id = s.plate_id
JOIN videos v ON v.id = s.video_id
JOIN jobs j ON j.id = v.job_id;

CREATE VIEW unique_plates AS
SELECT
    p.text                                     AS plate,
    mode() WITHIN GROUP (ORDER BY s.country)   AS country,
    count(*)                                   AS sightings,
    count(DISTINCT s.video_id)                 AS videos,
    sum(s.reads)                               AS reads,
    max(s.confidence)                          AS confidence,
    bool_or(s.confirmed)                       AS confirmed,
    min(p.created_at)                          AS first_stored_at
FROM plates p
JOIN sightings s ON s.plate_id = p.id
GROUP BY p.id;

CREATE VIEW job_progress AS
SELECT
    j.id                                                                        AS job,
    j.name,
    j.created_at,
    j.finished_at,
    v.videos,
    v.videos_ended,
    v.videos_with_problem,
    coalesce(g.segments, 0)                                                     AS segments,
    coalesce(g.segments_done, 0)                                                AS segments_done,
    coalesce(g.segments_quarantined, 0)                                         AS segments_quarantined,
    v.footage_s,
    coalesce(g.footage_done_s, 0)                                               AS footage_done_s,
    coalesce(s.plates, 0)                                                       AS plates
FROM jobs j
CROSS JOIN LATERAL (
    SELECT count(*) AS videos, count(finished_at) AS videos_ended, count(problem) AS videos_with_problem,
           coalesce(sum(duration_s), 0) AS footage_s
    FROM videos WHERE job_id = j.id
) v
CROSS JOIN LATERAL (
    SELECT count(*) AS segments,
           count(*) FILTER (WHERE g.state = 'done') AS segments_done,
           count(*) FILTER (WHERE g.state = 'quarantined') AS segments_quarantined,
           sum(g.end_s - g.start_s) FILTER (WHERE g.state IN ('done', 'quarantined')) AS footage_done_s
    FROM segments g JOIN videos w ON w.id = g.video_id WHERE w.job_id = j.id
) g
CROSS JOIN LATERAL (
    SELECT count(DISTINCT plate_id) AS plates
    FROM sightings s JOIN videos w ON w.id = s.video_id WHERE w.job_id = j.id
) s;
