-- As in 0006; new at the end: the sighting's own number and its plate's, by which programs page and ask on.
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
    f.name                                     AS frame,
    s.id                                       AS sighting,
    s.plate_id
FROM sightings s
JOIN plates p ON p.id = s.plate_id
JOIN videos v ON v.id = s.video_id
JOIN jobs j ON j.id = v.job_id
LEFT JOIN LATERAL (
    SELECT name FROM frames
    WHERE video_id = s.video_id AND (pts = s.best_pts OR pts BETWEEN s.first_pts AND s.last_pts)
    ORDER BY abs(pts - s.best_pts), pts LIMIT 1
) f ON true;
