-- What the pages of plates ask: db/web/findings/plates.py. Each statement begins with its name.

-- name: one
-- The plate of a key, and how many corrections take sightings from it or give it others.
SELECT p.id, p.text, p.country, p.sightings AS read,
       (SELECT count(*) FROM corrections c
        WHERE c.plate_id = p.id AND c.sighting_id IS NOT NULL
          AND (c.text IS NULL OR translate(c.text, 'OI', '01') <> :key)) AS away,
       (SELECT count(*) FROM corrections c
        WHERE translate(c.text, 'OI', '01') = :key AND c.sighting_id IS NOT NULL AND c.plate_id IS DISTINCT FROM p.id) AS added
FROM (SELECT 1) always LEFT JOIN plates p ON p.key = :key AND p.sightings > 0

-- name: members
-- Its sightings, newest first.
SELECT id FROM (
    (SELECT s.id FROM sightings s
     WHERE s.plate_id = :plate AND s.id < :before AND NOT EXISTS (
         SELECT 1 FROM corrections c
         WHERE c.sighting_id = s.id AND (c.text IS NULL OR translate(c.text, 'OI', '01') <> :key))
     ORDER BY s.id DESC LIMIT :most)
    UNION
    (SELECT c.sighting_id FROM corrections c
     WHERE translate(c.text, 'OI', '01') = :key AND c.sighting_id < :before ORDER BY c.sighting_id DESC LIMIT :most)
) m
ORDER BY id DESC LIMIT :most

-- name: uncorrected
-- Its newest sightings of which nobody has said anything.
SELECT s.id FROM sightings s
WHERE s.plate_id = :plate AND NOT EXISTS (SELECT 1 FROM corrections c WHERE c.sighting_id = s.id)
ORDER BY s.id DESC LIMIT :most

-- name: times
-- When it was seen: when it was recorded, as the file itself or its date says, else when it was processed.
WITH mine AS MATERIALIZED (
    (SELECT s.id, s.video_id, s.best_s FROM sightings s
     WHERE s.plate_id = :plate AND NOT EXISTS (
         SELECT 1 FROM corrections c
         WHERE c.sighting_id = s.id AND (c.text IS NULL OR translate(c.text, 'OI', '01') <> :key))
     ORDER BY s.id DESC LIMIT :most)
    UNION
    SELECT s.id, s.video_id, s.best_s FROM corrections c JOIN sightings s ON s.id = c.sighting_id
    WHERE translate(c.text, 'OI', '01') = :key
), timed AS MATERIALIZED (
    SELECT v.job_id, v.id AS video_id, v.path, t.told_by, t.zoned, t.at,
           -- A camera's local time of an unknown zone is what it says.
           t.at AT TIME ZONE CASE WHEN t.zoned THEN :zone ELSE 'UTC' END AS local
    FROM mine m JOIN videos v ON v.id = m.video_id
    CROSS JOIN LATERAL (
        SELECT coalesce(v.recorded_at + make_interval(secs => m.best_s), v.finished_at) AS at,
               coalesce(v.recorded_from, 'processed') AS told_by,
               v.recorded_at IS NULL OR v.clock_zone IS NOT NULL AS zoned
    ) t
)
SELECT count(*) AS counted,
       (SELECT coalesce(jsonb_object_agg(told_by, n), '{}') FROM (
            SELECT told_by, count(*) AS n FROM timed GROUP BY 1) b) AS told_by,
       count(*) FILTER (WHERE NOT zoned) AS unzoned, min(at) AS first, max(at) AS last,
       (array_agg(zoned ORDER BY at))[1] AS first_zoned, (array_agg(zoned ORDER BY at DESC NULLS LAST))[1] AS last_zoned,
       (SELECT coalesce(jsonb_object_agg(day, n), '{}') FROM (
            SELECT CAST(local AS date) AS day, count(*) AS n FROM timed WHERE at IS NOT NULL GROUP BY 1) d) AS days,
       (SELECT coalesce(jsonb_object_agg(hour, n), '{}') FROM (
            SELECT CAST(extract(hour FROM local) AS integer) AS hour, count(*) AS n FROM timed
            WHERE at IS NOT NULL GROUP BY 1) h) AS hours,
       (SELECT coalesce(jsonb_agg(to_jsonb(g) ORDER BY g.times DESC, g.job DESC), '[]') FROM (
            SELECT t.job_id AS job, j.name, count(*) AS times, count(DISTINCT t.video_id) AS videos
            FROM timed t JOIN jobs j ON j.id = t.job_id
            GROUP BY t.job_id, j.name ORDER BY times DESC, job DESC LIMIT 8) g) AS jobs,
       (SELECT coalesce(jsonb_agg(to_jsonb(g) ORDER BY g.times DESC, g.video DESC), '[]') FROM (
            SELECT video_id AS video, path, count(*) AS times FROM timed
            GROUP BY video_id, path ORDER BY times DESC, video DESC LIMIT 8) g) AS videos,
       count(DISTINCT job_id) AS jobs_counted, count(DISTINCT video_id) AS videos_counted
FROM timed

-- name: places
-- Where its newest sightings were, as far as that is known.
WITH mine AS MATERIALIZED (
    (SELECT s.id FROM sightings s
     WHERE s.plate_id = :plate AND NOT EXISTS (
         SELECT 1 FROM corrections c
         WHERE c.sighting_id = s.id AND (c.text IS NULL OR translate(c.text, 'OI', '01') <> :key))
     ORDER BY s.id DESC LIMIT :most)
    UNION
    SELECT c.sighting_id FROM corrections c
    WHERE translate(c.text, 'OI', '01') = :key AND c.sighting_id IS NOT NULL
)
SELECT s.id AS sighting, s.lat, s.lon, s.best_s, v.path AS video, v.clock_zone,
       v.recorded_at + make_interval(secs => s.best_s) AS recorded_at, place_of(s.lat, s.lon) AS place
FROM mine m JOIN sightings s ON s.id = m.id JOIN videos v ON v.id = s.video_id
WHERE s.lat IS NOT NULL
ORDER BY s.id DESC

-- name: placed
-- Whether any of its newest sightings, or of those that people read so, has a place.
SELECT EXISTS (
    SELECT FROM (SELECT lat FROM sightings WHERE plate_id = :plate ORDER BY id DESC LIMIT :most) s WHERE s.lat IS NOT NULL
) OR EXISTS (
    SELECT FROM corrections c JOIN sightings s ON s.id = c.sighting_id
    WHERE translate(c.text, 'OI', '01') = :key AND s.lat IS NOT NULL
)

-- name: companions
-- Plates that passed within some seconds of it. Sightings of a video are numbered in the order of their times, so its
-- neighbours are found by their numbers.
WITH mine AS MATERIALIZED (
    (SELECT s.id FROM sightings s
     WHERE s.plate_id = :plate AND NOT EXISTS (
         SELECT 1 FROM corrections c
         WHERE c.sighting_id = s.id AND (c.text IS NULL OR translate(c.text, 'OI', '01') <> :key))
     ORDER BY s.id DESC LIMIT :most)
    UNION
    (SELECT c.sighting_id FROM corrections c
     WHERE translate(c.text, 'OI', '01') = :key AND c.sighting_id IS NOT NULL ORDER BY c.sighting_id DESC LIMIT :most)
)
SELECT p.text AS plate, p.country, count(DISTINCT s.id) AS times, count(DISTINCT s.video_id) AS videos, max(n.id) AS newest
FROM mine m
JOIN sightings s ON s.id = m.id
JOIN sightings n ON n.video_id = s.video_id AND n.index BETWEEN s.index - 15 AND s.index + 15
                AND abs(n.best_s - s.best_s) <= :near_s AND n.plate_id <> s.plate_id
JOIN plates p ON p.id = n.plate_id
WHERE p.key <> :key
GROUP BY p.id HAVING count(DISTINCT s.id) > 1
ORDER BY times DESC, p.sightings, p.text LIMIT 8

-- name: misreadings
-- Other plates at a distance of at most 1, and those whose sightings have it among their runners-up.
WITH near AS (
    SELECT p.key, l.distance, NULL::double precision AS share
    FROM spellings_like(:key) l JOIN spellings p ON p.id = l.id
    UNION ALL
    SELECT u.key, NULL, c.confidence FROM (
        SELECT c.sighting_id, c.confidence FROM spellings p JOIN candidates c ON c.spelling_id = p.id
        WHERE p.key = :key AND NOT c.winner AND c.confidence >= :least_share
        ORDER BY c.sighting_id DESC LIMIT 500) c
    JOIN sightings s ON s.id = c.sighting_id JOIN plates u ON u.id = s.plate_id
)
SELECT p.text AS plate, p.key, p.country, p.sightings, min(n.distance) AS distance, max(n.share) AS share
-- OFFSET 0, and the collation of the index: each is looked up by its key, rather than all plates read.
FROM near n CROSS JOIN LATERAL (SELECT * FROM plates WHERE key = n.key COLLATE "default" OFFSET 0) p
WHERE p.key <> :key AND p.sightings > 0
GROUP BY p.text, p.key, p.country, p.sightings ORDER BY min(n.distance) NULLS LAST, p.sightings, p.text LIMIT 12

-- name: newest
-- The newest sighting of each of these plates.
SELECT p.key, s.id AS sighting, s.crop, v.recorded_at + make_interval(secs => s.best_s) AS recorded_at, v.recorded_from,
       v.clock_zone, v.clock_error_s, v.finished_at AS processed_at
FROM plates p
CROSS JOIN LATERAL (SELECT * FROM sightings WHERE plate_id = p.id ORDER BY id DESC LIMIT 1) s
JOIN videos v ON v.id = s.video_id
WHERE p.key = ANY (:keys)
