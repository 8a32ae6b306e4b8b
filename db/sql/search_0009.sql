-- Search by plate, over what sightings were read as and their runners-up. People call `search_plates`; `dashplate search`
-- and the HTTP service do the same. docs/search.md tells how each kind of search is answered, with its plan.

-- A plate as people type it, spelled as `plates.key` is: in capitals, without separators, O as 0 and I as 1.
CREATE FUNCTION plate_key(wanted text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN trim(wanted) LIKE '#%' THEN lower(trim(wanted))
                ELSE translate(upper(wanted), E'OI -.·•:,''`´’‘_–—―−‐~∙⋅・。、ㆍ▪■●○◦°º"”“;^¨\u3000\\', '01') END
$$;

-- What a character is taken for, and may itself be taken for; in keys, so without O and I.
CREATE FUNCTION look_alikes(glyph text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(CAST('{
        "0": "QDU", "1": "LT7J", "2": "Z", "3": "8B", "4": "A", "5": "S6", "6": "G85", "7": "T1", "8": "B36",
        "A": "4", "B": "83", "C": "G", "D": "0", "E": "F", "F": "E", "G": "6C", "H": "MN", "J": "1", "K": "X",
        "L": "1", "M": "NH", "N": "MH", "P": "R", "Q": "0", "R": "P", "S": "5", "T": "71", "U": "0V", "V": "YU",
        "X": "K", "Y": "V", "Z": "2"}' AS jsonb) ->> glyph, '')
$$;

-- Every character that a key can have.
CREATE FUNCTION plate_characters() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '0123456789ABCDEFGHJKLMNPQRSTUVWXYZ'
        || '京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼港澳学警使领挂试超临民航应急台'
        || 'АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЂЈЉЊЋЏ'
$$;

-- Pairs of neighbouring characters, by which patterns that begin and end with `*` are found.
CREATE FUNCTION plate_pairs(key text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    pairs text[] := '{}';
BEGIN
    -- A hash has nothing to be found by but itself.
    IF key NOT LIKE '#%' THEN
        FOR place IN 1 .. length(key) - 1 LOOP
            pairs := pairs || substr(key, place, 2);
        END LOOP;
    END IF;
    RETURN pairs;
END
$$;

-- How unlike two keys are: 0.3 for each look-alike, 0.6 for a character that is missing at an end, 1 for any other that is
-- wrong, missing or too many. As `edit_cost` of pipeline/sightings.py, by which sightings are put together.
CREATE FUNCTION plate_distance(a text, b text) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    line double precision[];
    before double precision[];
    likes text;
    gap double precision;
BEGIN
    FOR j IN 0 .. length(b) LOOP
        line[j] := CASE WHEN j = 0 THEN 0 ELSE j - 0.4 END;
    END LOOP;
    FOR i IN 1 .. length(a) LOOP
        before := line;
        line[0] := i - 0.4;
        likes := look_alikes(substr(a, i, 1));
        FOR j IN 1 .. length(b) LOOP
            gap := CASE WHEN i = length(a) AND j = length(b) THEN 0.6 ELSE 1 END;
            line[j] := least(
                before[j - 1] + CASE WHEN substr(a, i, 1) = substr(b, j, 1) THEN 0
                                     WHEN strpos(likes, substr(b, j, 1)) > 0 THEN 0.3 ELSE 1 END,
                before[j] + gap, line[j - 1] + gap);
        END LOOP;
    END LOOP;
    RETURN line[length(b)];
END
$$;

-- A key with up to `most` of its characters exchanged for look-alikes, and how many were.
CREATE FUNCTION plate_swaps(key text, most integer) RETURNS TABLE (said text, times integer)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    WITH RECURSIVE swapped (said, place, times) AS (
        SELECT key, 0, 0
        UNION ALL
        SELECT left(s.said, at - 1) || other || substr(s.said, at + 1), at, s.times + 1
        FROM swapped s, generate_series(s.place + 1, length(key)) at,
             string_to_table(look_alikes(substr(key, at, 1)), NULL) other
        WHERE s.times < most
    )
    SELECT said, times FROM swapped
$$;

-- Keys at a distance of at most 1: each is looked up, which takes less than reading what is nearly like it. A character
-- that is missing at an end, whichever it is, is looked for by the rest: `spellings_like` does that.
CREATE FUNCTION plate_variants(key text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    WITH swapped AS (SELECT said, times FROM plate_swaps(key, 3))
    SELECT said FROM swapped
    UNION ALL SELECT substr(said, 2) FROM swapped WHERE times < 2
    UNION ALL SELECT left(said, -1) FROM swapped WHERE times < 2
    UNION ALL SELECT left(key, place - 1) || substr(key, place + 1) FROM generate_series(1, length(key)) place
    UNION ALL
    SELECT left(key, place - 1) || other || substr(key, place + gone)
    FROM string_to_table(plate_characters(), NULL) other, generate_series(1, length(key)) place, generate_series(0, 1) gone
$$;

-- A pattern with `*` and `?` as LIKE spells it.
CREATE FUNCTION plate_like(pattern text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(replace(replace(pattern, '%', '\%'), '_', '\_'), '*?', '%_')
$$;

-- The spellings that a pattern fits, `most` at most. The condition names all indexes that may serve; the planner chooses.
CREATE FUNCTION spellings_fitting(pattern text, most integer) RETURNS bigint[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
    condition text := format('key LIKE %L', plate_like(pattern));
    pairs text[];
    found bigint[];
BEGIN
    IF pattern ~ '[^*?]$' THEN
        condition := condition || format(' AND reverse(key) LIKE %L', plate_like(reverse(pattern)));
    END IF;
    SELECT array_agg(pair) INTO pairs FROM regexp_split_to_table(pattern, '[*?]+') run, unnest(plate_pairs(run)) pair;
    IF pairs <> '{}' THEN
        condition := condition || format(' AND plate_pairs(key) @> %L', pairs);
    END IF;
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM spellings WHERE %s AND key NOT LIKE ''#%%'' LIMIT %s) fits',
                   condition, most) INTO found;
    RETURN coalesce(found, '{}');
END
$$;

-- The spellings at a distance of at most 1.
CREATE FUNCTION spellings_like(wanted text) RETURNS TABLE (id bigint, distance double precision)
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    WITH
    whole AS MATERIALIZED (SELECT said COLLATE "C" AS said, reverse(said) COLLATE "C" AS backwards FROM plate_swaps(wanted, 1)),
    near AS MATERIALIZED (
        SELECT id, key FROM spellings WHERE key = ANY (ARRAY(SELECT plate_variants(wanted)))
        -- One more character, whichever it is, at an end.
        UNION
        SELECT p.id, p.key FROM whole w JOIN spellings p ON p.key > w.said AND p.key < w.said || U&'\+10FFFF'
        UNION
        SELECT p.id, p.key FROM whole w
        JOIN spellings p ON reverse(p.key) > w.backwards AND reverse(p.key) < w.backwards || U&'\+10FFFF'
    ),
    measured AS MATERIALIZED (
        SELECT id, plate_distance(wanted, key) AS distance FROM near
        WHERE length(key) BETWEEN length(wanted) - 1 AND length(wanted) + 1
    )
    SELECT id, distance FROM measured WHERE distance <= 1
$$;

-- What a sighting may say: the text that it was read as and its runners-up, as keys.
CREATE FUNCTION may_say(read_as text, sure double precision, alternatives jsonb)
RETURNS TABLE (key text, winner boolean, confidence double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT translate(read_as, 'OI', '01'), true, sure
    UNION ALL
    SELECT translate(a ->> 'text', 'OI', '01'), false, (a ->> 'confidence')::double precision
    FROM jsonb_array_elements(alternatives) a
$$;

-- Sightings that may be a plate, the likest first, of equally like ones the newest. `said` is the text that fits: what the
-- sighting was read as (`winner`), or one of its runners-up; `share` its confidence.
--
-- wanted: a plate, or a pattern with `*` and `?`. alike: also what is at a `distance` of at most 1.
-- since, until: when the video was finished. least_share: `share` at least that. winners: only what sightings were read as.
-- hashed: the plate's keyed hash, for jobs that store plates as such. after_distance, after_sighting: goes on behind that row.
CREATE FUNCTION search_plates(
    wanted text, alike boolean DEFAULT false, of_job bigint DEFAULT NULL, of_country text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, least_share double precision DEFAULT NULL,
    winners boolean DEFAULT false, most integer DEFAULT 100, hashed text DEFAULT NULL,
    after_distance double precision DEFAULT NULL, after_sighting bigint DEFAULT NULL
) RETURNS TABLE (sighting bigint, said text, winner boolean, share double precision, distance double precision)
-- Remembering what was looked through costs more than looking.
LANGUAGE plpgsql STABLE PARALLEL SAFE SET enable_memoize = off AS $$
DECLARE
    -- More spellings than this are not gathered: so many fit that sightings are looked through instead, newest first.
    many CONSTANT integer := 3000;
    key text := plate_key(wanted);
    ids bigint[];
    distances double precision[];
    first_id bigint;
    last_id bigint := after_sighting - 1;
    of_videos text := concat(
        CASE WHEN of_job IS NOT NULL THEN ' AND v.job_id = $3' END,
        CASE WHEN since IS NOT NULL THEN ' AND v.finished_at >= $5' END,
        CASE WHEN until IS NOT NULL THEN ' AND v.finished_at < $6' END);
    -- Of c, a text that a sighting may say, and of @, what says in which video and country that was.
    narrowed text := concat(
        CASE WHEN of_country IS NOT NULL THEN ' AND @.country = $4' END,
        CASE WHEN least_share IS NOT NULL THEN ' AND c.confidence >= $7' END,
        CASE WHEN winners THEN ' AND c.winner' END,
        CASE WHEN of_videos <> '' THEN ' AND @.video_id = ANY (ARRAY(SELECT v.id FROM videos v WHERE true' || of_videos || '))' END);
BEGIN
    IF alike THEN
        SELECT array_agg(l.id), array_agg(l.distance) INTO ids, distances FROM spellings_like(key) l;
    ELSIF key ~ '[*?]' THEN
        ids := spellings_fitting(key, many + 1);
        distances := array_fill(0.0::double precision, ARRAY[cardinality(ids)]);
    ELSE
        SELECT array_agg(p.id), array_agg(0.0) INTO ids, distances FROM spellings p WHERE p.key = plate_key(wanted);
    END IF;
    IF hashed IS NOT NULL THEN
        SELECT ids || array_agg(p.id), distances || array_agg(0.0::double precision)
        INTO ids, distances FROM spellings p WHERE p.key = hashed;
    END IF;
    IF cardinality(ids) > many THEN
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
        RETURN QUERY EXECUTE
            'SELECT s.id, f.key, f.winner, f.confidence, 0.0::double precision
             FROM sightings s CROSS JOIN LATERAL (
                 SELECT c.key, c.winner, c.confidence FROM may_say(s.text, s.confidence, s.alternatives) c
                 WHERE c.key LIKE $1 AND c.key NOT LIKE ''#%''' || replace(narrowed, '@', 's') || '
                 ORDER BY c.winner DESC, c.confidence DESC LIMIT 1) f
             WHERE s.id BETWEEN $8 AND $9 ORDER BY s.id DESC LIMIT $10'
            USING plate_like(key), NULL, of_job, of_country, since, until, least_share,
                  coalesce(first_id, 0), coalesce(last_id, 9223372036854775807), most;
    ELSE
        -- Some more than are wanted: a candidate may outlive its sighting for a moment.
        RETURN QUERY EXECUTE
            'SELECT f.id, p.key, f.winner, f.confidence, f.distance
             FROM (SELECT * FROM (
                       SELECT DISTINCT ON (c.sighting_id) c.sighting_id AS id, m.id AS spelling_id, c.winner, c.confidence,
                              m.distance
                       FROM unnest($1, $2) m (id, distance) JOIN candidates c ON c.spelling_id = m.id
                       WHERE true' || replace(narrowed, '@', 'c') || '
                       ORDER BY c.sighting_id DESC, m.distance, c.winner DESC, c.confidence DESC) likest
                   WHERE $10 IS NULL OR distance > $10 OR (distance = $10 AND id < $8)
                   ORDER BY distance, id DESC LIMIT $9 + 100) f
             JOIN sightings s ON s.id = f.id
             JOIN spellings p ON p.id = f.spelling_id
             ORDER BY f.distance, f.id DESC LIMIT $9'
            USING ids, distances, of_job, of_country, since, until, least_share, after_sighting, most, after_distance;
    END IF;
END
$$;

-- Name plates after what their sightings say now, and count those.
-- The text that fits a format before one that fits none, then the one with most evidence; rounded, so that the order in
-- which sightings came does not show in the sum's last digits.
CREATE FUNCTION count_plates(ids bigint[]) RETURNS void
LANGUAGE sql AS $$
    UPDATE plates p
    SET text = n.text, country = n.country, sightings = n.sightings, videos = n.videos, reads = n.reads,
        confidence = n.confidence, confirmed = n.confirmed
    FROM (
        SELECT DISTINCT ON (t.plate_id) t.plate_id, t.text, t.country, v.*
        FROM (
            SELECT plate_id, text, mode() WITHIN GROUP (ORDER BY country) AS country,
                   sum(round((confidence * reads)::numeric, 6)) AS evidence
            FROM sightings WHERE plate_id = ANY (ids) GROUP BY plate_id, text
        ) t
        CROSS JOIN LATERAL (
            SELECT count(*) AS sightings, count(DISTINCT video_id) AS videos, sum(s.reads)::bigint AS reads,
                   max(confidence) AS confidence, bool_or(confirmed) AS confirmed
            FROM sightings s WHERE s.plate_id = t.plate_id
        ) v
        ORDER BY t.plate_id, t.country IS NOT NULL DESC, t.evidence DESC, t.text
    ) n
    WHERE p.id = n.plate_id
      AND (p.text, p.country, p.sightings, p.videos, p.reads, p.confidence, p.confirmed) IS DISTINCT FROM
          (n.text, n.country, n.sightings, n.videos, n.reads, n.confidence, n.confirmed)
$$;

-- Notes which sightings came, changed or went; a row for a thousand, so that storing them takes no longer.
CREATE FUNCTION note_sightings() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_backlog (sightings) SELECT array_agg(id) FROM changed GROUP BY id / 1000;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_new AFTER INSERT ON sightings REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_sightings();
CREATE TRIGGER note_changed AFTER UPDATE ON sightings REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_sightings();
CREATE TRIGGER note_gone AFTER DELETE ON sightings REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_sightings();

-- What sightings may say, each key once.
CREATE VIEW sighting_candidates AS
SELECT s.id AS sighting_id, c.key COLLATE "C" AS key, bool_or(c.winner) AS winner, max(c.confidence) AS confidence,
       s.country, s.video_id
FROM sightings s CROSS JOIN LATERAL may_say(s.text, s.confidence, s.alternatives) c
GROUP BY s.id, c.key;

-- Makes sightings that were noted searchable, and forgets those that went; `most` notes at most. Returns how many notes
-- it took; 0 also while another does the same.
CREATE FUNCTION index_sightings(most integer DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    notes integer;
    ids bigint[];
    left_by bigint[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(1229866072) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM search_backlog WHERE id IN (SELECT id FROM search_backlog ORDER BY id LIMIT most) RETURNING sightings
    )
    SELECT count(DISTINCT t.sightings), array_agg(DISTINCT one) INTO notes, ids FROM taken t, unnest(t.sightings) one;
    IF notes = 0 THEN
        RETURN 0;
    END IF;
    WITH gone AS (DELETE FROM candidates WHERE sighting_id = ANY (ids) RETURNING spelling_id)
    SELECT array_agg(DISTINCT spelling_id) INTO left_by FROM gone;

    INSERT INTO spellings (key)
        SELECT DISTINCT key FROM sighting_candidates WHERE sighting_id = ANY (ids) ORDER BY key ON CONFLICT DO NOTHING;
    INSERT INTO candidates (sighting_id, spelling_id, winner, confidence, country, video_id)
        SELECT c.sighting_id, p.id, c.winner, c.confidence, c.country, c.video_id
        FROM sighting_candidates c JOIN spellings p ON p.key = c.key WHERE c.sighting_id = ANY (ids);

    DELETE FROM spellings p WHERE id = ANY (left_by) AND NOT EXISTS (SELECT 1 FROM candidates WHERE spelling_id = p.id);
    -- Whoever stores sightings counts their plates in the same transaction; others are of rows that somebody loaded.
    PERFORM count_plates(array_agg(id)) FROM (
        SELECT id FROM plates p
        WHERE id IN (SELECT plate_id FROM sightings WHERE id = ANY (ids))
          AND p.sightings <> (SELECT count(*) FROM sightings s WHERE s.plate_id = p.id)
        ORDER BY key COLLATE "C" FOR UPDATE
    ) uncounted;
    RETURN notes;
END
$$;
