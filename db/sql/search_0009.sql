-- Search by plate, over what sightings were read as and their runners-up. People call `search_plates`; `dashplate search`
-- and the HTTP service do the same. docs/search.md tells how each kind of search is answered, with its plan.

-- Every character that a key can have.
CREATE FUNCTION plate_characters() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '0123456789ABCDEFGHJKLMNPQRSTUVWXYZ'
        || '京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼港澳学警使领挂试超临民航应急台'
        || 'АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЂЈЉЊЋЏ'
$$;

-- A character as a capital on every server: `upper` knows the letters of the database's locale, in C those of ASCII alone.
CREATE FUNCTION plate_capital(glyph text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(upper(glyph),
        'абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґђјљњћџαβεζηικμνορτυχµ',
        'АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЂЈЉЊЋЏΑΒΕΖΗΙΚΜΝΟΡΤΥΧΜ')
$$;

-- A plate as people type it, spelled as `plates.key` is: in capitals, without separators and white space, O as 0 and I as
-- 1; other characters as what they look like on a plate. As `typed` of db/findings/typed.py.
CREATE FUNCTION plate_key(wanted text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN wanted ~ '^\s*#' THEN lower(regexp_replace(wanted, '^\s+|\s+$', '', 'g')) ELSE (
        SELECT coalesce(translate(string_agg(
            CASE WHEN strpos(known, capital) > 0 THEN capital
                 WHEN strpos(parts, glyph) > 0 OR glyph ~ ignored THEN ''
                 WHEN strpos(odd, capital) > 0 THEN translate(capital, odd, meant)
                 WHEN strpos(known, plain) > 0 THEN plain
                 WHEN strpos(parts, plain) > 0 THEN ''
                 ELSE glyph END, '' ORDER BY place), 'OI', '01'), '')
        FROM string_to_table(wanted, NULL) WITH ORDINALITY written (glyph, place),
             LATERAL (SELECT plate_capital(glyph) AS capital, plate_capital(left(normalize(glyph, NFKD), 1)) AS plain) f,
             (SELECT plate_characters() || 'OI*?' AS known,
                     E' -.·•:,''`´’‘_–—―−‐~∙⋅・。、ㆍ▪■●○◦°º"”“;^¨\u3000\\' AS parts,
                     'ß|ıØøĐđŁłΑΒΕΖΗΙΚΜΝΟΡΤΥΧ滬遼蘇贛雲瓊寧陝閩貴粵學領臺' AS odd,
                     'BIIOODDLLABEZHIKMNOPTYX沪辽苏赣云琼宁陕闽贵粤学领台' AS meant,
                     '[\u0001-\u0020\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]' AS ignored
             ) signs
    ) END
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
    pairs text[];
    found bigint[];
BEGIN
    SELECT array_agg(pair) INTO pairs FROM regexp_split_to_table(pattern, '[*?]+') run, unnest(plate_pairs(run)) pair;
    -- What is wanted travels beside the statement: its text ends in logs where it fails.
    EXECUTE concat('SELECT array_agg(id) FROM (SELECT id FROM spellings WHERE key LIKE $1 AND key NOT LIKE ''#%''',
                   CASE WHEN pattern ~ '[^*?]$' THEN ' AND reverse(key) LIKE $2' END,
                   CASE WHEN pairs <> '{}' THEN ' AND plate_pairs(key) @> $3' END,
                   ' LIMIT $4) fits')
        INTO found USING plate_like(pattern), plate_like(reverse(pattern)), pairs, most;
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
        -- One more character, whichever it is, at an end. OFFSET 0: each is looked up by its beginning, or its end.
        UNION
        SELECT p.id, p.key FROM whole w CROSS JOIN LATERAL (
            SELECT id, key FROM spellings WHERE key > w.said AND key < w.said || U&'\+10FFFF' OFFSET 0) p
        WHERE length(p.key) = length(w.said) + 1
        UNION
        SELECT p.id, p.key FROM whole w CROSS JOIN LATERAL (
            SELECT id, key FROM spellings
            WHERE reverse(key) > w.backwards AND reverse(key) < w.backwards || U&'\+10FFFF' OFFSET 0) p
        WHERE length(p.key) = length(w.said) + 1
    ),
    measured AS MATERIALIZED (
        SELECT id, plate_distance(wanted, key) AS distance FROM near
    )
    SELECT id, distance FROM measured WHERE distance <= 1
$$;

-- What a sighting may say: the text that it was read as and its runners-up, as keys. Whoever loads rows may have stored
-- runners-up of any shape: what is none is left out, as one row must not keep all others from being found.
CREATE FUNCTION may_say(read_as text, sure double precision, alternatives jsonb)
RETURNS TABLE (key text, winner boolean, confidence double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT translate(said, 'OI', '01'), winner, confidence
    FROM (
        SELECT read_as, true, sure
        UNION ALL
        SELECT a ->> 'text', false,
               CASE WHEN jsonb_typeof(a -> 'confidence') <> 'number' THEN 0
                    WHEN (a -> 'confidence')::numeric BETWEEN 1e-9 AND 1 THEN (a ->> 'confidence')::double precision
                    ELSE 0 END
        FROM jsonb_array_elements(CASE jsonb_typeof(alternatives) WHEN 'array' THEN alternatives ELSE '[]' END) a
    ) texts (said, winner, confidence)
    -- Longer ones are no plates, and may be more than an index holds.
    WHERE length(said) BETWEEN 1 AND 100
$$;

-- Sightings that may be a plate, the likest first, of equally like ones the newest. `said` is the text that fits: what the
-- sighting was read as (`winner`), or one of its runners-up; `share` its confidence.
--
-- wanted: a plate, or a pattern with `*` and `?`. alike: also what is at a `distance` of at most 1; for plates of 3 to 16
-- characters. since, until: when the video was finished. least_share: `share` at least that. winners: only what sightings
-- were read as. hashed: the plate's keyed hash, for jobs that store plates as such. after_distance, after_sighting: goes on
-- behind that row.
CREATE FUNCTION search_plates(
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
                 SELECT c.key, c.winner, c.confidence FROM may_say(s.text, s.confidence, s.alternatives) c
                 WHERE c.key LIKE $1 AND c.key NOT LIKE ''#%''' || sure || '
                 ORDER BY c.winner DESC, c.confidence DESC LIMIT 1) f
             WHERE s.id BETWEEN $8 AND $9' || replace(narrowed, '@', 's')
                || ' AND CASE WHEN translate(s.text, ''OI'', ''01'') LIKE $1'
                || CASE WHEN least_share IS NOT NULL THEN ' AND s.confidence >= $7' ELSE '' END || ' THEN true ELSE '
                -- As JSON, a text stands in quotes; what is quoted in it follows a backslash.
                || CASE WHEN winners THEN 'false' ELSE 'translate(s.alternatives::text, ''OI\'', ''01'') LIKE $2' END || ' END
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
          (n.text, n.country, n.sightings, n.videos, n.reads, n.confidence, n.confirmed);
    UPDATE plates p SET sightings = 0, videos = 0, reads = 0, confidence = 0, confirmed = false
    WHERE p.id = ANY (ids) AND p.sightings > 0 AND NOT EXISTS (SELECT FROM sightings s WHERE s.plate_id = p.id)
$$;

-- Notes which sightings came, changed or went, and which plates those were of that did not only come; a row for a thousand,
-- so that storing them takes no longer.
CREATE FUNCTION note_sightings() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_backlog (sightings, plates)
        SELECT array_agg(id), array_agg(DISTINCT plate_id) FILTER (WHERE TG_OP <> 'INSERT')
        FROM changed GROUP BY id / 1000;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_new AFTER INSERT ON sightings REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_sightings();
CREATE TRIGGER note_changed AFTER UPDATE ON sightings REFERENCING OLD TABLE AS changed
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
    left_plates bigint[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(1229866072) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM search_backlog WHERE id IN (SELECT id FROM search_backlog ORDER BY id LIMIT most)
        RETURNING sightings, plates
    )
    SELECT count(DISTINCT t.sightings), array_agg(DISTINCT one),
           (SELECT array_agg(DISTINCT plate) FROM taken, unnest(plates) plate)
    INTO notes, ids, left_plates FROM taken t, unnest(t.sightings) one;
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
    -- Whoever stores sightings counts their plates in the same transaction; others are of rows that somebody loaded,
    -- changed or deleted.
    PERFORM count_plates(array_agg(id)) FROM (
        SELECT id FROM plates p
        WHERE id IN (SELECT plate_id FROM sightings WHERE id = ANY (ids) UNION SELECT unnest(left_plates))
          AND (id = ANY (left_plates) OR p.sightings <> (SELECT count(*) FROM sightings s WHERE s.plate_id = p.id))
        ORDER BY key COLLATE "C" FOR UPDATE
    ) uncounted;
    RETURN notes;
END
$$;
