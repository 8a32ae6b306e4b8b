-- What is shown of drives: `db/web/where/drives.py`. Each statement begins with its name.

-- name: drives
-- The newest drives before one, with what they hold.
SELECT d.id, d.job_id AS job, j.name AS job_name, d.began_at, d.ended_at, d.clock_zone, held.clips, held.cameras,
       held.length_m, seen.passings
FROM drives d JOIN jobs j ON j.id = d.job_id
CROSS JOIN LATERAL (
    SELECT sum(of_camera.clips)::int AS clips, max(of_camera.length_m) AS length_m,
           array_agg(of_camera.camera ORDER BY of_camera.camera) FILTER (WHERE of_camera.camera IS NOT NULL) AS cameras
    FROM (SELECT v.camera, count(*) AS clips, sum(t.length_m) AS length_m
          FROM videos v LEFT JOIN tracks t ON t.video_id = v.id WHERE v.drive_id = d.id GROUP BY v.camera) of_camera
) held
CROSS JOIN LATERAL (
    SELECT count(DISTINCT coalesce(s.passing_id, s.id))::int AS passings
    FROM videos v JOIN sightings s ON s.video_id = v.id WHERE v.drive_id = d.id
) seen
WHERE (CAST(:drive AS bigint) IS NULL OR d.id = :drive)
  AND (CAST(:job AS bigint) IS NULL OR d.job_id = :job)
  AND (CAST(:before_at AS timestamptz) IS NULL OR (d.began_at, d.id) < (:before_at, :before))
ORDER BY d.began_at DESC, d.id DESC LIMIT :most

-- name: clips
-- The videos of a drive, in the order of recording; those of one moment by their cameras.
SELECT v.id, v.path, v.camera, v.state, v.duration_s, v.recovered, v.clock_zone,
       moment_of(v.recorded_at, v.clock_zone, d.clock_zone) AS began_at,
       (SELECT count(*) FROM sightings s WHERE s.video_id = v.id) AS sightings, t.fixes, t.length_m
FROM drives d JOIN videos v ON v.drive_id = d.id LEFT JOIN tracks t ON t.video_id = v.id
WHERE d.id = :drive ORDER BY began_at, v.camera, v.id LIMIT :most

-- name: passings
-- The passings of a drive past one of them, by when they began, each with its sightings.
SELECT passing, began_at, sightings
FROM (
    SELECT seen.passing, min(seen.at) AS began_at, array_agg(seen.id ORDER BY seen.at, seen.id) AS sightings
    FROM (
        SELECT s.id, coalesce(s.passing_id, s.id) AS passing,
               moment_of(v.recorded_at, v.clock_zone, d.clock_zone) + s.first_s * interval '1 second' AS at
        FROM drives d JOIN videos v ON v.drive_id = d.id JOIN sightings s ON s.video_id = v.id
        WHERE d.id = :drive
    ) seen
    GROUP BY seen.passing
) passed
WHERE CAST(:after_at AS timestamptz) IS NULL OR (began_at, passing) > (:after_at, :after)
ORDER BY began_at, passing LIMIT :most

-- name: beside
-- The other sightings of a sighting's passing.
SELECT m.id FROM sightings s JOIN sightings m ON m.passing_id = s.passing_id AND m.id <> s.id
WHERE s.id = :sighting ORDER BY m.id LIMIT :most

-- name: located
-- The surest sighting of each passing of a drive that has a place, with what a person reads there.
SELECT * FROM (
    SELECT DISTINCT ON (coalesce(s.passing_id, s.id)) s.id AS sighting, p.text AS plate, s.lat, s.lon, c.text AS corrected_to,
           c.id IS NOT NULL AS corrected, v.recorded_at + s.best_s * interval '1 second' AS recorded_at, v.clock_zone,
           v.path AS video, s.best_s, place_of(s.lat, s.lon) AS place
    FROM videos v JOIN sightings s ON s.video_id = v.id JOIN plates p ON p.id = s.plate_id
    LEFT JOIN corrections c ON c.sighting_id = s.id
    WHERE v.drive_id = :drive AND s.lat IS NOT NULL
    ORDER BY coalesce(s.passing_id, s.id), s.confirmed DESC, s.confidence DESC, s.id
) surest ORDER BY recorded_at, sighting LIMIT :most

-- name: way
-- The videos with a track of the camera of a drive whose tracks hold the most, in the order of recording.
SELECT v.id FROM videos v JOIN tracks t ON t.video_id = v.id
WHERE v.drive_id = :drive AND v.camera IS NOT DISTINCT FROM (
    SELECT w.camera FROM videos w JOIN tracks u ON u.video_id = w.id WHERE w.drive_id = :drive
    GROUP BY w.camera ORDER BY sum(u.fixes) DESC, w.camera LIMIT 1)
ORDER BY v.recorded_at, v.id LIMIT :most
