-- What people ask of when and where: the view of sightings, of passings, and names of places.

-- Metres between two points of WGS 84, along a great circle of the mean earth; null where one is nowhere.
CREATE FUNCTION metres_apart(lat double precision, lon double precision, other_lat double precision,
                             other_lon double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- The lesser of 1 and of null would be 1.
    SELECT CASE WHEN lat + lon + other_lat + other_lon IS NOT NULL THEN 2 * 6371008.8 * asin(least(1, sqrt(
        power(sind((other_lat - lat) / 2), 2) + cosd(lat) * cosd(other_lat) * power(sind((other_lon - lon) / 2), 2)))) END
$$;

-- A moment's time of day in a zone, `+02:00` or a name of `pg_timezone_names`; without one, what it says as UTC. It fails
-- on other names; one expression, so that it becomes part of the question.
CREATE FUNCTION local_time_of(moment timestamptz, zone text) RETURNS timestamp
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    -- To `AT TIME ZONE`, a text that begins with a sign counts westwards.
    SELECT CASE WHEN zone ~ '^[+-]' THEN moment AT TIME ZONE zone::interval
                ELSE moment AT TIME ZONE coalesce(zone, 'UTC') END
$$;

-- When a video began, as one moment for all of its drive: a camera's local time of no known zone is in that of the drive,
-- an offset such as `+02:00`.
CREATE FUNCTION moment_of(recorded_at timestamptz, zone text, zone_of_drive text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN zone IS NULL AND zone_of_drive IS NOT NULL THEN recorded_at - zone_of_drive::interval
                ELSE recorded_at END
$$;

-- The smallest of the named places that a point lies in.
CREATE FUNCTION place_of(lat double precision, lon double precision) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT p.name FROM places p
    WHERE abs(p.lat - $1) * 111000 <= p.radius_m AND metres_apart(p.lat, p.lon, $1, $2) <= p.radius_m
    ORDER BY p.radius_m, p.name LIMIT 1
$$;

-- As in 0012; new at the end: when the plate was seen first and last on the wall clock, what that clock is and how far off
-- it may be; where the camera was then, by its track; how the vehicle moved; the passing and the drive that it is part of;
-- which of the cameras it was; how sure the country is; and the named place that it was in. `clock_zone` is null where no
-- zone is known: then the times are the camera's local time, written as UTC.
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
    s.plate_id,
    CASE WHEN c.id IS NOT NULL THEN coalesce(c.text, '') END AS corrected,
    c.corrected_by,
    c.corrected_at,
    c.note                                     AS correction_note,
    v.recorded_at + s.best_s * interval '1 second' AS recorded_at,
    v.recorded_from,
    v.recorded_at + s.first_s * interval '1 second' AS first_seen_at,
    v.recorded_at + s.last_s * interval '1 second' AS last_seen_at,
    v.recorded_from                            AS clock_from,
    v.clock_zone,
    v.clock_error_s,
    s.lat,
    s.lon,
    s.bearing_deg,
    s.speed_mps,
    s.place_error_m,
    s.movement,
    coalesce(s.passing_id, s.id)               AS passing,
    v.drive_id                                 AS drive,
    v.camera,
    s.country_confidence,
    CASE WHEN s.lat IS NOT NULL THEN place_of(s.lat, s.lon) END AS place
FROM sightings s
JOIN plates p ON p.id = s.plate_id
JOIN videos v ON v.id = s.video_id
JOIN jobs j ON j.id = v.job_id
LEFT JOIN corrections c ON c.sighting_id = s.id
LEFT JOIN LATERAL (
    SELECT name FROM frames
    WHERE video_id = s.video_id AND (pts = s.best_pts OR pts BETWEEN s.first_pts AND s.last_pts)
    ORDER BY abs(pts - s.best_pts), pts LIMIT 1
) f ON true;

-- A vehicle that passed once, over the cuts between clips and the cameras of one vehicle: its surest sighting stands for it.
-- Times are on the clock of its drive; `clock_zone` is null where none of the drive's videos knows its zone.
CREATE VIEW passings AS
SELECT
    best.passing,
    best.plate,
    best.country,
    all_of_it.first_seen_at,
    all_of_it.last_seen_at,
    coalesce(best.clock_zone, d.clock_zone)    AS clock_zone,
    best.job,
    best.drive,
    all_of_it.cameras,
    all_of_it.sightings,
    all_of_it.pictures,
    best.lat,
    best.lon,
    best.place,
    best.confidence,
    all_of_it.confirmed,
    best.sighting                              AS best_sighting
FROM sightings s
JOIN plate_sightings best ON best.sighting = s.id
LEFT JOIN drives d ON d.id = best.drive
CROSS JOIN LATERAL (
    SELECT min(b.began_at + m.first_s * interval '1 second') AS first_seen_at,
           max(b.began_at + m.last_s * interval '1 second') AS last_seen_at,
           array_agg(DISTINCT w.camera) FILTER (WHERE w.camera IS NOT NULL) AS cameras,
           array_agg(m.id ORDER BY b.began_at + m.first_s * interval '1 second', m.id) AS sightings,
           array_agg(m.crop ORDER BY b.began_at + m.first_s * interval '1 second', m.id)
               FILTER (WHERE m.crop IS NOT NULL) AS pictures,
           bool_or(m.confirmed) OR sum(m.reads) > 1 AS confirmed
    FROM sightings m JOIN videos w ON w.id = m.video_id,
         LATERAL (SELECT moment_of(w.recorded_at, w.clock_zone, d.clock_zone) AS began_at) b
    WHERE m.id = s.id OR m.passing_id = s.passing_id
) all_of_it
WHERE s.passing_id IS NULL OR s.id = (
    SELECT m.id FROM sightings m WHERE m.passing_id = s.passing_id ORDER BY m.confirmed DESC, m.confidence DESC, m.id LIMIT 1);

-- Notes which sightings changed in what search goes by, as `note_sightings` of 0009 does: to which passing one belongs is
-- nothing to search.
CREATE FUNCTION note_changed_sightings() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_backlog (sightings, plates)
        SELECT array_agg(b.id), array_agg(DISTINCT b.plate_id)
        FROM changed b LEFT JOIN fresh f ON f.id = b.id
        WHERE (b.video_id, b.plate_id, b.text, b.country, b.confidence, b.alternatives, b.reads, b.confirmed)
              IS DISTINCT FROM
              (f.video_id, f.plate_id, f.text, f.country, f.confidence, f.alternatives, f.reads, f.confirmed)
        GROUP BY b.id / 1000;
    RETURN NULL;
END
$$;
DROP TRIGGER note_changed ON sightings;
CREATE TRIGGER note_changed AFTER UPDATE ON sightings REFERENCING OLD TABLE AS changed NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION note_changed_sightings();

-- As in 0011; new: a local time of no known zone may say hours less than UTC did then.
CREATE OR REPLACE FUNCTION alerting(of_video bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(CASE coalesce(j.options ->> 'alerts', 'recent')
        WHEN 'all' THEN true WHEN 'none' THEN false
        ELSE v.recorded_at > v.created_at - interval '1 day'
                             - CASE WHEN v.clock_zone IS NULL THEN interval '14 hours' ELSE interval '0' END END, false)
    FROM videos v JOIN jobs j ON j.id = v.job_id WHERE v.id = of_video
$$;
