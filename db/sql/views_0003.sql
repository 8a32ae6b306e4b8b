-- New at the end: what this sighting was read as, where `plate` is what all sightings of the plate together say.
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
    s.text                                     AS read_as
FROM sightings s
JOIN plates p ON p.id = s.plate_id
JOIN videos v ON v.id = s.video_id
JOIN jobs j ON j.id = v.job_id;

-- New at the end: what the plate is searched by, so that O finds 0 and I finds 1.
CREATE OR REPLACE VIEW unique_plates AS
SELECT
    p.text                                     AS plate,
    mode() WITHIN GROUP (ORDER BY s.country)   AS country,
    count(*)                                   AS sightings,
    count(DISTINCT s.video_id)                 AS videos,
    sum(s.reads)                               AS reads,
    max(s.confidence)                          AS confidence,
    bool_or(s.confirmed)                       AS confirmed,
    min(p.created_at)                          AS first_stored_at,
    p.key
FROM plates p
JOIN sightings s ON s.plate_id = p.id
GROUP BY p.id;
