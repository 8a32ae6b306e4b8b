-- Plates that keep turning up near one's own vehicles: in at least `least_drives` drives on at least `least_days` days, the
-- most days first. Of drives that began in the last `days` days, or of all; of a job or all. `apart_m` is how far apart the
-- outermost places are where they were seen (the diagonal of their box); `least_apart_m` asks for so much: a vehicle that
-- is parked where one starts every morning is seen often too. What a person corrected counts as that person read it.
CREATE FUNCTION convoys(
    days integer DEFAULT NULL, least_drives integer DEFAULT 3, least_days integer DEFAULT 2,
    least_apart_m double precision DEFAULT 0, of_job bigint DEFAULT NULL, most integer DEFAULT 100
) RETURNS TABLE (plate text, drives bigint, days_seen bigint, passings bigint, first_seen_at timestamptz,
                 last_seen_at timestamptz, apart_m double precision, confirmed boolean)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(p.text, c.said), c.drives, c.days_seen, c.passings, c.first_seen_at, c.last_seen_at, c.apart_m, c.confirmed
    FROM (
        SELECT plate_id, min(said) AS said, count(DISTINCT drive_id) AS drives, count(DISTINCT day) AS days_seen,
               sum(n)::bigint AS passings, min(first_at) AS first_seen_at, max(last_at) AS last_seen_at,
               coalesce(metres_apart(min(south), min(west), max(north), max(east)), 0) AS apart_m,
               bool_or(sure) AS confirmed
        FROM (
            -- First by drive and day: of these there are few. A passing at midnight counts for both days.
            SELECT t.plate_id, t.key, min(c.text) AS said, v.drive_id,
                   local_time_of(v.recorded_at + s.best_s * interval '1 second', z.zone)::date AS day,
                   count(DISTINCT coalesce(s.passing_id, s.id)) AS n,
                   min(z.began_at + s.first_s * interval '1 second') AS first_at,
                   max(z.began_at + s.last_s * interval '1 second') AS last_at,
                   min(s.lat) AS south, min(s.lon) AS west, max(s.lat) AS north, max(s.lon) AS east,
                   bool_or(s.confirmed) AS sure
            FROM drives d
            JOIN videos v ON v.drive_id = d.id
            CROSS JOIN LATERAL (
                SELECT moment_of(v.recorded_at, v.clock_zone, d.clock_zone) AS began_at,
                       -- Names that this server does not know are of UTC: they would end the question.
                       CASE WHEN v.clock_zone ~ '^[+-]' OR v.clock_zone IN (SELECT name FROM pg_timezone_names)
                            THEN v.clock_zone END AS zone
                OFFSET 0) z
            JOIN sightings s ON s.video_id = v.id
            LEFT JOIN corrections c ON c.sighting_id = s.id
            LEFT JOIN plates r ON r.key = translate(c.text, 'OI', '01')
            -- A plate that only people read has no number.
            CROSS JOIN LATERAL (
                SELECT CASE WHEN c.id IS NULL THEN s.plate_id ELSE r.id END AS plate_id,
                       CASE WHEN r.id IS NULL THEN translate(c.text, 'OI', '01') END AS key) t
            WHERE (days IS NULL OR d.began_at >= now() - make_interval(days => days))
              AND (of_job IS NULL OR d.job_id = of_job)
              AND (c.id IS NULL OR c.text IS NOT NULL)
            GROUP BY t.plate_id, t.key, v.drive_id, day
        ) once
        GROUP BY plate_id, key
        HAVING count(*) >= least_drives AND count(DISTINCT drive_id) >= least_drives
    ) c LEFT JOIN plates p ON p.id = c.plate_id
    WHERE c.days_seen >= least_days AND c.apart_m >= coalesce(least_apart_m, 0)
    ORDER BY c.days_seen DESC, c.drives DESC, 1 LIMIT most
$$;
