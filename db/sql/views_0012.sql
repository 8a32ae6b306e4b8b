-- As in 0008; new at the end: what a person reads there, null where nobody has looked and empty where it is no plate; when
-- the frame that was read was recorded, as far as the video's file says, and what says so.
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
    v.recorded_from
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

-- As in 0009; new at the end: what people read in its sightings, empty where that is no plate, null where nobody corrected
-- any.
CREATE OR REPLACE VIEW unique_plates AS
SELECT
    text          AS plate,
    country,
    sightings,
    videos,
    reads::numeric AS reads,
    confidence,
    confirmed,
    created_at    AS first_stored_at,
    key,
    (SELECT array_agg(DISTINCT coalesce(c.text, '')) FROM corrections c WHERE c.plate_id = plates.id) AS corrected
FROM plates
WHERE sightings > 0;

-- Unique plates that a pattern with `*` and `?` fits, or that a person read so in one of their sightings, the most seen
-- first; `hashed` is a plate's keyed hash, for jobs that store plates as such.
CREATE OR REPLACE FUNCTION plates_fitting(wanted text, most integer DEFAULT 100, hashed text DEFAULT NULL)
RETURNS SETOF unique_plates
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    many CONSTANT integer := 3000;
    pattern text := plate_key(wanted);
    ids bigint[] := CASE WHEN pattern ~ '[*?]' THEN spellings_fitting(pattern, many + 1) END;
    keys text[] := array(SELECT p.key FROM spellings p WHERE p.id = ANY (ids));
BEGIN
    IF cardinality(ids) > many THEN
        RETURN QUERY EXECUTE
            'SELECT * FROM unique_plates u
             WHERE u.key LIKE $1 AND u.key NOT LIKE ''#%'' OR u.key = ANY (ARRAY(
                 SELECT p.key FROM corrections c JOIN plates p ON p.id = c.plate_id
                 WHERE translate(c.text, ''OI'', ''01'') LIKE $1 AND c.text NOT LIKE ''#%''))
             ORDER BY u.sightings DESC, u.plate LIMIT $2'
            USING plate_like(pattern), most;
    ELSE
        RETURN QUERY
            -- OFFSET 0: each key is looked up, rather than all plates in the order of their number.
            SELECT * FROM (
                SELECT * FROM unique_plates u WHERE u.key = ANY (keys || pattern || hashed || ARRAY(
                    SELECT p.key FROM corrections c JOIN plates p ON p.id = c.plate_id
                    WHERE translate(c.text, 'OI', '01') = ANY (keys || pattern || hashed)))
                OFFSET 0) u
            ORDER BY u.sightings DESC, u.plate LIMIT most;
    END IF;
END
$$;
