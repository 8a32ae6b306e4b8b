-- What an evidence package says of a sighting: `db/findings/evidence.py`. Each statement begins with its name.

-- name: of_plate
-- The sightings of a plate, and those in which a person reads it, oldest first. key: as `plates.key`.
SELECT s.id FROM sightings s JOIN plates p ON p.id = s.plate_id WHERE p.key = :key
UNION
SELECT c.sighting_id FROM corrections c WHERE translate(c.text, 'OI', '01') = :key AND c.sighting_id IS NOT NULL
ORDER BY id LIMIT :most

-- name: sighting
-- One sighting with its video, its job and the frame that it was read from.
SELECT p.sighting, p.plate, p.read_as, p.shown, p.country, p.confidence, p.confirmed, p.reads, p.characters, p.alternatives,
       p.job, p.job_name, p.video_id, p.video, p.first_s, p.last_s, p.best_s, p.first_pts, p.last_pts, p.best_pts,
       p.x1, p.y1, p.x2, p.y2, p.processed_at, p.corrected, p.corrected_by, p.corrected_at, p.correction_note,
       p.recorded_at, p.recorded_from, p.clock_zone, p.clock_error_s, v.clock_others, v.recorded_at AS recording_began_at,
       p.lat, p.lon, p.place_error_m, p.bearing_deg, p.speed_mps, p.place, p.movement, p.camera,
       s.tracklets, j.options, v.kind, v.codec, v.width, v.height, v.frame_rate, v.duration_s, v.content, v.fingerprint, v.created_at AS submitted_at,
       f.name AS frame, f.pts AS frame_pts, f.sha256 AS frame_sha256
FROM plate_sightings p
JOIN sightings s ON s.id = p.sighting
JOIN videos v ON v.id = p.video_id
JOIN jobs j ON j.id = p.job
LEFT JOIN frames f ON f.video_id = p.video_id AND f.name = p.frame
WHERE p.sighting = :sighting

-- name: readings
-- The tracklets that it was stitched from, with what each was read as.
SELECT t.id, g.index AS segment, t.index AS tracklet, t.first, t.last, t.seen, r.text, r.confidence, r.characters,
       r.alternatives, r.country, r.reads, r.crops AS crops_read, r.best_crop
FROM sightings s
CROSS JOIN LATERAL jsonb_array_elements(s.tracklets) AS named (pair)
JOIN segments g ON g.video_id = s.video_id AND g.index = (named.pair ->> 0)::bigint
JOIN tracklets t ON t.segment_id = g.id AND t.index = (named.pair ->> 1)::bigint AND NOT t.provisional
LEFT JOIN readings r ON r.tracklet_id = t.id
WHERE s.id = :sighting
ORDER BY g.index, t.index

-- name: crops
-- The pictures of a tracklet, best first.
SELECT id, rank, observation, plate, quality, name, sha256 FROM crops WHERE tracklet_id = :tracklet ORDER BY rank
