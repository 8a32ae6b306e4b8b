-- As in 0009, and what people read in sightings.

-- Sightings that may be a plate, the likest first, of equally like ones the newest. `said` is the text that fits: what the
-- sighting was read as by the machine or by a person (`winner`), or one of its runners-up; `share` its confidence, 1 for a
-- person's.
--
-- wanted: a plate, or a pattern with `*` and `?`. alike: also what is at a `distance` of at most 1; for plates of 3 to 16
-- characters. since, until: when the video was finished. least_share: `share` at least that. winners: only what sightings
-- were read as. hashed: the plate's keyed hash, for jobs that store plates as such. after_distance, after_sighting: goes on
-- behind that row.
CREATE OR REPLACE FUNCTION search_plates(
    wanted text, alike boolean DEFAULT false, of_job bigint DEFAULT NULL, of_country text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, least_share double precision DEFAULT NULL,
    winners boolean DEFAULT false, most integer DEFAULT 100, hashed text DEFAULT NULL,
    after_distance double precision DEFAULT NULL, after_sighting bigint DEFAULT NULL
) RETURNS TABLE (sighting bigint, said text, winner boolean, share double precision, distance double precision)
-- Remembering what was looked through costs more than looking.
LANGUAGE plpgsql STABLE PARALLEL SAFE SET enable_memoize = off AS $$
DECLARE
    -- More spellings than this, or candidates of them, are not gathered: so many fit that sightings are looked through
    -- instead, newest first: `most` * sightings / candidates of them, each of which takes about as long as a candidate.
    many CONSTANT integer := 3000;
    many_candidates CONSTANT integer := 2 * sqrt(most * greatest(
        1e6, (SELECT reltuples FROM pg_class WHERE oid = 'sightings'::regclass)));
    spelled text := plate_key(wanted);
    pattern boolean := spelled ~ '[*?]';
    broad boolean := false;
    ids bigint[];
    distances double precision[];
    first_id bigint;
    last_id bigint := after_sighting - 1;
    of_videos text := concat(
        CASE WHEN of_job IS NOT NULL THEN ' AND v.job_id = $3' END,
        CASE WHEN since IS NOT NULL THEN ' AND v.finished_at >= $5' END,
        CASE WHEN until IS NOT NULL THEN ' AND v.finished_at < $6' END);
    -- Of @, what says in which video and country it was; and of c, a text that a sighting may say.
    narrowed text := concat(
        CASE WHEN of_country IS NOT NULL THEN ' AND @.country = $4' END,
        CASE WHEN of_videos <> '' THEN ' AND @.video_id IN (SELECT v.id FROM videos v WHERE true' || of_videos || ')' END);
    sure text := concat(
        CASE WHEN least_share IS NOT NULL THEN ' AND c.confidence >= $7' END,
        CASE WHEN winners THEN ' AND c.winner' END);
BEGIN
    IF pattern THEN
        ids := spellings_fitting(spelled, many + 1);
        distances := array_fill(0.0::double precision, ARRAY[cardinality(ids)]);
        broad := cardinality(ids) > many OR many_candidates < (
            SELECT count(*) FROM (
                SELECT FROM candidates c
                WHERE c.spelling_id = ANY (ids) AND (of_country IS NULL OR c.country = of_country)
                  AND (least_share IS NULL OR c.confidence >= least_share) AND (c.winner OR NOT winners)
                LIMIT many_candidates + 1) counted);
    ELSIF alike AND length(spelled) BETWEEN 3 AND 16 THEN
        SELECT array_agg(l.id), array_agg(l.distance) INTO ids, distances FROM spellings_like(spelled) l;
    ELSE
        SELECT array_agg(p.id), array_agg(0.0) INTO ids, distances FROM spellings p WHERE p.key = spelled;
    END IF;
    IF hashed IS NOT NULL THEN
        SELECT ids || array_agg(p.id), distances || array_agg(0.0::double precision)
        INTO ids, distances FROM spellings p WHERE p.key = hashed;
    END IF;
    IF broad THEN
        IF of_videos <> '' THEN
            -- Where to begin and where to stop: what was stored before and after these videos need not be looked through.
            EXECUTE
                'SELECT min(f.id), least(max(l.id), $8) FROM videos v
                 CROSS JOIN LATERAL (SELECT id FROM sightings WHERE video_id = v.id ORDER BY id LIMIT 1) f
                 CROSS JOIN LATERAL (SELECT id FROM sightings WHERE video_id = v.id ORDER BY id DESC LIMIT 1) l
                 WHERE true' || of_videos
                INTO first_id, last_id
                USING NULL, NULL, of_job, NULL, since, until, NULL, last_id;
            IF first_id IS NULL THEN
                RETURN;
            END IF;
        END IF;
        -- Most rows go by what they look like as a whole; taking a row's texts apart takes five times as long. In a CASE,
        -- because the planner would take the comparisons for rarely true, and read the table from end to end.
        RETURN QUERY EXECUTE
            'SELECT s.id, f.key, f.winner, f.confidence, 0.0::double precision
             FROM sightings s CROSS JOIN LATERAL (
                 SELECT c.key, c.winner, c.confidence FROM (
                     SELECT m.key, m.winner, m.confidence FROM may_say(s.text, s.confidence, s.alternatives) m
                     UNION ALL
                     SELECT translate(r.text, ''OI'', ''01''), true, 1.0 FROM corrections r
                     WHERE r.sighting_id = s.id AND r.text IS NOT NULL) c
                 WHERE c.key LIKE $1 AND c.key NOT LIKE ''#%''' || sure || '
                 ORDER BY c.winner DESC, c.confidence DESC LIMIT 1) f
             WHERE s.id BETWEEN $8 AND $9' || replace(narrowed, '@', 's')
                || ' AND CASE WHEN translate(s.text, ''OI'', ''01'') LIKE $1'
                || CASE WHEN least_share IS NOT NULL THEN ' AND s.confidence >= $7' ELSE '' END || ' THEN true ELSE '
                -- As JSON, a text stands in quotes; what is quoted in it follows a backslash.
                || CASE WHEN winners THEN 'false' ELSE 'translate(s.alternatives::text, ''OI\'', ''01'') LIKE $2' END
                || ' OR s.id IN (SELECT r.sighting_id FROM corrections r WHERE translate(r.text, ''OI'', ''01'') LIKE $1) END
             ORDER BY s.id DESC LIMIT $10'
            USING plate_like(spelled), '%"' || plate_like(spelled) || '"%', of_job, of_country, since, until, least_share,
                  coalesce(first_id, 0), coalesce(last_id, 9223372036854775807), most;
    ELSE
        -- A candidate may outlive its sighting for a moment.
        RETURN QUERY EXECUTE
            'SELECT f.id, p.key, f.winner, f.confidence, f.distance
             FROM (SELECT * FROM (
                       SELECT DISTINCT ON (c.sighting_id) c.sighting_id AS id, m.id AS spelling_id, c.winner, c.confidence,
                              m.distance
                       FROM unnest($1, $2) m (id, distance) JOIN candidates c ON c.spelling_id = m.id
                       WHERE true' || replace(narrowed, '@', 'c') || sure || '
                       ORDER BY c.sighting_id DESC, m.distance, c.winner DESC, c.confidence DESC) likest
                   WHERE $10 IS NULL OR distance > $10 OR (distance = $10 AND id < $8)
                   ORDER BY distance, id DESC) f
             JOIN sightings s ON s.id = f.id
             JOIN spellings p ON p.id = f.spelling_id
             ORDER BY f.distance, f.id DESC LIMIT $9'
            USING ids, distances, of_job, of_country, since, until, least_share, after_sighting, most, after_distance;
    END IF;
END
$$;

-- What sightings may say, each key once.
CREATE OR REPLACE VIEW sighting_candidates AS
SELECT s.id AS sighting_id, c.key COLLATE "C" AS key, bool_or(c.winner) AS winner, max(c.confidence) AS confidence,
       s.country, s.video_id
FROM sightings s CROSS JOIN LATERAL (
    SELECT m.key, m.winner, m.confidence FROM may_say(s.text, s.confidence, s.alternatives) m
    UNION ALL
    SELECT translate(r.text, 'OI', '01'), true, 1.0 FROM corrections r WHERE r.sighting_id = s.id AND r.text IS NOT NULL
) c
GROUP BY s.id, c.key;

-- Notes the sightings beside which a person's reading came, changed or went.
CREATE FUNCTION note_correction() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := array_remove(ARRAY[
        CASE WHEN TG_OP <> 'INSERT' THEN OLD.sighting_id END,
        CASE WHEN TG_OP <> 'DELETE' THEN NEW.sighting_id END], NULL);
BEGIN
    IF ids <> '{}' THEN
        INSERT INTO search_backlog (sightings) VALUES (ids);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_correction AFTER INSERT OR UPDATE OR DELETE ON corrections
FOR EACH ROW EXECUTE FUNCTION note_correction();
