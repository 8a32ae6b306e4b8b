-- What joins videos: `db/where/joining.py`. Each statement begins with its name.

-- name: waiting
-- A video that waits to be joined, that of a number or the first.
SELECT id, job_id FROM videos
WHERE to_join AND (CAST(:video AS bigint) IS NULL OR id = :video) ORDER BY id LIMIT 1

-- name: lock
-- Whether nobody else joins videos of that job; until the transaction ends, nobody will.
SELECT pg_try_advisory_xact_lock(hashtextextended('joins videos of a job', :job))

-- name: waiting_of
-- All of the job that wait, in the order in which they were recorded.
SELECT id FROM videos WHERE to_join AND job_id = :job ORDER BY recorded_at, id LIMIT :most

-- name: neighbours
-- These, what was recorded up to a pause before and after them, and what has part in the passings of that. A clock without
-- a zone may be put forward or back, and says hours more or less than one with a zone.
WITH near AS (
    SELECT v.id FROM videos n JOIN videos v ON v.job_id = n.job_id,
         LATERAL (SELECT :pause_s + CASE
             WHEN (n.clock_zone IS NULL) <> (v.clock_zone IS NULL) THEN :change_s + :zone_s
             WHEN n.clock_zone IS NULL THEN :change_s ELSE 0 END AS reach_s) r
    WHERE n.id = ANY (:new) AND v.kind = 'video' AND v.finished_at IS NOT NULL
      -- What the index can say, and then what counts.
      AND v.recorded_at BETWEEN n.recorded_at - make_interval(secs => :pause_s + :change_s + :zone_s + :longest_s)
                            AND n.recorded_at + make_interval(secs => n.duration_s + :pause_s + :change_s + :zone_s)
      AND v.recorded_at <= n.recorded_at + make_interval(secs => n.duration_s + r.reach_s)
      AND v.recorded_at + make_interval(secs => v.duration_s + r.reach_s) >= n.recorded_at
)
SELECT id, path, make FROM videos WHERE id IN (
    SELECT id FROM near
    UNION
    SELECT unnest(CAST(:new AS bigint[]))
    UNION
    SELECT m.video_id FROM near JOIN sightings s ON s.video_id = near.id JOIN sightings m ON m.passing_id = s.passing_id
)

-- name: of_drives
-- All of the drives that these are part of.
SELECT id FROM videos WHERE drive_id IN (SELECT drive_id FROM videos WHERE id = ANY (:ids))

-- name: videos
-- Where they are whole drives, what zone a drive is in is asked anew.
SELECT v.id, v.path, v.make, v.camera, v.recorded_at, v.recorded_from, v.clock_zone, v.clock_error_s, v.clock_others,
       v.duration_s, v.drive_id, d.clock_zone AS drive_zone
FROM videos v LEFT JOIN drives d ON d.id = v.drive_id AND NOT :whole
WHERE v.id = ANY (:ids) AND v.recorded_at IS NOT NULL AND v.duration_s IS NOT NULL
ORDER BY v.id

-- name: hold
-- Whoever does or purges one of them waits, and is waited for.
SELECT FROM videos WHERE id = ANY (:ids) ORDER BY id FOR NO KEY UPDATE

-- name: out_of_drives
-- What lost its clock is of no drive any more.
UPDATE videos SET drive_id = NULL
WHERE id = ANY (:ids) AND drive_id IS NOT NULL AND (recorded_at IS NULL OR duration_s IS NULL)

-- name: out_of_passings
UPDATE sightings s SET passing_id = NULL FROM videos v
WHERE v.id = s.video_id AND v.id = ANY (:ids) AND v.drive_id IS NULL AND s.passing_id IS NOT NULL

-- name: drive_times
UPDATE drives SET began_at = :began_at, ended_at = :ended_at, clock_zone = :clock_zone
WHERE id = :drive AND (began_at, ended_at, clock_zone) IS DISTINCT FROM (:began_at, :ended_at, CAST(:clock_zone AS text))

-- name: longer_drive
UPDATE drives SET began_at = least(began_at, :began_at), ended_at = greatest(ended_at, :ended_at) WHERE id = :drive

-- name: into_drive
UPDATE videos SET drive_id = :drive WHERE id = ANY (:ids) AND drive_id IS DISTINCT FROM :drive

-- name: forget_drives
DELETE FROM drives d WHERE id = ANY (:ids) AND NOT EXISTS (SELECT FROM videos v WHERE v.drive_id = d.id)

-- name: sightings
-- The sightings of some of a drive's videos, and all of the passings that these are part of.
WITH near AS (
    SELECT id, passing_id FROM sightings WHERE video_id = ANY (:ids)
)
SELECT s.id, s.video_id, s.text, s.alternatives, s.first_s, s.last_s, s.passing_id FROM sightings s
WHERE s.video_id = ANY (:all) AND (s.id IN (SELECT id FROM near) OR s.passing_id IN (SELECT passing_id FROM near))
ORDER BY s.id

-- name: into_passing
UPDATE sightings SET passing_id = :passing WHERE id = ANY (:ids)

-- name: joined
UPDATE videos SET to_join = false WHERE id = ANY (:ids) AND to_join
