-- Watch lists, hits, and what is told to others. docs/telling.md tells what they are for.

-- A key in which all characters that may be taken for each other, by way of others too, are one: keys at a distance of at
-- most 1 differ in one character of it at most.
CREATE FUNCTION plate_likeness(key text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(key, 'QDUVYLTJ7Z8B6GC5SAFMNXR', '000001111233333334EHHKP')
$$;

-- By what a key at a distance of at most 1 is found: its likeness, and that without any one of its characters. Two keys that
-- differ in one character, or of which one has one more, have one of these in common. Not STRICT, so that it is put into the
-- statement that calls it, as is what follows: thousands of entries are one statement's.
CREATE FUNCTION plate_neighbours(key text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT plate_likeness(key)
    UNION
    SELECT left(plate_likeness(key), place - 1) || substr(plate_likeness(key), place + 1)
    FROM generate_series(1, length(key)) place
$$;

-- What an entry of a watch list is found by: its key, the neighbours of its key, or the longest run of characters in its
-- pattern.
CREATE FUNCTION watch_terms_of(kind text, key text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT key WHERE kind = 'exact'
    UNION ALL
    SELECT neighbour FROM plate_neighbours(key) neighbour WHERE kind = 'like'
    UNION ALL
    (SELECT run FROM regexp_split_to_table(key, '[*?]+') run WHERE kind = 'wildcard' ORDER BY length(run) DESC, run LIMIT 1)
$$;

CREATE FUNCTION add_watch_terms() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watch_terms (kind, term, entry_id)
        SELECT a.kind, t.term, a.id FROM added a, watch_terms_of(a.kind, a.key) t (term);
    RETURN NULL;
END
$$;
CREATE TRIGGER add_watch_terms AFTER INSERT ON watch_entries REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION add_watch_terms();

-- Which entries these sightings fit, each with the text that fits best: the likest, what it was read as before runners-up,
-- the surest.
CREATE FUNCTION watch_matches(ids bigint[])
RETURNS TABLE (entry_id bigint, sighting_id bigint, said text, winner boolean, share double precision, distance double precision)
LANGUAGE sql STABLE AS $$
    WITH said AS MATERIALIZED (
        SELECT c.sighting_id, p.key, c.winner, c.confidence
        FROM candidates c JOIN spellings p ON p.id = c.spelling_id WHERE c.sighting_id = ANY (ids)
    ),
    keys AS MATERIALIZED (SELECT DISTINCT key FROM said),
    -- Each term once for all keys that have it: runners-up have most of them in common.
    terms AS MATERIALIZED (
        SELECT 'exact' AS kind, key AS term, ARRAY[key] AS keys FROM keys
        UNION ALL
        SELECT 'like', neighbour, array_agg(key) FROM keys, plate_neighbours(key) neighbour
        WHERE key NOT LIKE '#%' AND EXISTS (SELECT FROM watch_terms WHERE kind = 'like') GROUP BY neighbour
        UNION ALL
        SELECT 'wildcard', run, array_agg(DISTINCT key)
        FROM keys, generate_series(1, length(key)) first, generate_series(1, length(key) - first + 1) chars,
             substr(key, first, chars) run
        WHERE key NOT LIKE '#%' AND EXISTS (SELECT FROM watch_terms WHERE kind = 'wildcard') GROUP BY run
    ),
    fits AS MATERIALIZED (
        SELECT DISTINCT w.entry_id, key
        FROM terms t
        -- OFFSET 0: each term is looked up, however many there are.
        CROSS JOIN LATERAL (SELECT w.entry_id FROM watch_terms w WHERE w.kind = t.kind AND w.term = t.term OFFSET 0) w,
             unnest(t.keys) key
    ),
    checked AS (
        SELECT e.id, f.key, CASE e.kind WHEN 'like' THEN plate_distance(e.key, f.key) ELSE 0 END AS distance
        FROM fits f JOIN watch_entries e ON e.id = f.entry_id
        WHERE (e.expires_at IS NULL OR e.expires_at > now()) AND (e.kind <> 'wildcard' OR f.key LIKE plate_like(e.key))
    )
    SELECT DISTINCT ON (c.id, s.sighting_id) c.id, s.sighting_id, c.key, s.winner, s.confidence, c.distance
    FROM checked c JOIN said s ON s.key = c.key
    WHERE c.distance <= 1
    ORDER BY c.id, s.sighting_id, c.distance, s.winner DESC, s.confidence DESC
$$;

-- Owe an event to every endpoint that wants it; returns its number, null where none does.
CREATE FUNCTION tell(
    of_kind text, of_job bigint, of_video bigint DEFAULT NULL, of_sighting bigint DEFAULT NULL, of_hit bigint DEFAULT NULL,
    of_state text DEFAULT NULL, of_label text DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    wanting bigint[] := array(
        SELECT id FROM endpoints WHERE disabled_at IS NULL AND of_kind = ANY (events)
            AND (labels = '{}' OR of_label IS NULL OR of_label = ANY (labels)));
    told bigint;
BEGIN
    IF wanting <> '{}' THEN
        INSERT INTO events (kind, job_id, video_id, sighting_id, hit_id, state)
            VALUES (of_kind, of_job, of_video, of_sighting, of_hit, of_state) RETURNING id INTO told;
        INSERT INTO deliveries (event_id, endpoint_id) SELECT told, unnest(wanting);
    END IF;
    RETURN told;
END
$$;

-- Whether sightings and hits of a video are told: what was recorded within a day before it was submitted, or as its job says.
CREATE FUNCTION alerting(of_video bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(CASE coalesce(j.options ->> 'alerts', 'recent')
        WHEN 'all' THEN true WHEN 'none' THEN false ELSE v.recorded_at > v.created_at - interval '1 day' END, false)
    FROM videos v JOIN jobs j ON j.id = v.job_id WHERE v.id = of_video
$$;

-- Whether two stretches of a video may show one passing: no more than 20 s lie between them, SAME_TEXT_GAP_S of
-- pipeline/sightings.py.
CREATE FUNCTION same_passing(first_a double precision, last_a double precision, first_b double precision, last_b double precision)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT greatest(first_a, first_b) - least(last_a, last_b) <= 20
$$;

-- Holds the videos of sightings until the transaction ends: no purge and no aggregation takes a sighting away between its
-- being read and what is noted of it. To be called before plates are locked, as those lock videos first, too.
CREATE FUNCTION hold_videos_of(ids bigint[]) RETURNS void
LANGUAGE sql AS $$
    SELECT FROM videos WHERE id IN (SELECT video_id FROM sightings WHERE id = ANY (ids)) ORDER BY id FOR KEY SHARE
$$;

-- Notes which entries sightings fit that were just stored. A redo gives a passing another number: a hit whose sighting went is
-- the new one's, and is not told again. Where the reading changed, so does the hit's reason; one that fits no more stays.
-- Planned once a session: planning takes 2.5 ms, and matching a sighting 1.2 ms.
CREATE FUNCTION note_hits(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    fit record;
    hit bigint;
BEGIN
    FOR fit IN
        SELECT m.*, e.label, s.video_id, v.job_id, s.first_s, s.last_s, s.best_s, s.text
        FROM watch_matches(ids) m
        JOIN watch_entries e ON e.id = m.entry_id
        JOIN sightings s ON s.id = m.sighting_id
        JOIN videos v ON v.id = s.video_id
        ORDER BY m.sighting_id, m.entry_id
    LOOP
        UPDATE hits h SET sighting_id = fit.sighting_id, said = fit.said, winner = fit.winner, share = fit.share,
               distance = fit.distance, read_as = fit.text, first_s = fit.first_s, last_s = fit.last_s, best_s = fit.best_s
        WHERE id = (
            SELECT g.id FROM hits g
            WHERE g.entry_id = fit.entry_id AND g.video_id = fit.video_id
              AND (g.sighting_id = fit.sighting_id
                   OR (same_passing(g.first_s, g.last_s, fit.first_s, fit.last_s)
                       AND NOT EXISTS (SELECT FROM sightings s WHERE s.id = g.sighting_id)))
            ORDER BY g.sighting_id <> fit.sighting_id, abs(g.best_s - fit.best_s), g.id LIMIT 1);
        CONTINUE WHEN FOUND;
        INSERT INTO hits (entry_id, video_id, sighting_id, said, winner, share, distance, read_as, first_s, last_s, best_s)
            VALUES (fit.entry_id, fit.video_id, fit.sighting_id, fit.said, fit.winner, fit.share, fit.distance, fit.text,
                    fit.first_s, fit.last_s, fit.best_s)
            RETURNING id INTO hit;
        IF alerting(fit.video_id) THEN
            PERFORM tell('hit', fit.job_id, fit.video_id, fit.sighting_id, hit, of_label => fit.label);
        END IF;
    END LOOP;
END
$$;

-- Owes events of sightings that were just stored. What was told of a passing is not told again after a redo.
CREATE FUNCTION tell_sightings(ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    one record;
    told bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM endpoints WHERE disabled_at IS NULL AND 'sighting' = ANY (events)) THEN
        RETURN;
    END IF;
    FOR one IN
        SELECT s.id, s.video_id, v.job_id, plate_key(s.text) AS key, s.first_s, s.last_s
        FROM sightings s JOIN videos v ON v.id = s.video_id
        WHERE s.id = ANY (ids) AND alerting(v.id) ORDER BY s.id
    LOOP
        UPDATE events SET sighting_id = one.id, first_s = one.first_s, last_s = one.last_s
        WHERE id = (
            SELECT e.id FROM events e
            WHERE e.video_id = one.video_id AND e.kind = 'sighting' AND e.key = one.key
              AND same_passing(e.first_s, e.last_s, one.first_s, one.last_s)
              AND (e.sighting_id = one.id OR NOT EXISTS (SELECT FROM sightings s WHERE s.id = e.sighting_id))
            ORDER BY greatest(e.first_s, one.first_s) - least(e.last_s, one.last_s), e.id LIMIT 1);
        CONTINUE WHEN FOUND;
        told := tell('sighting', one.job_id, one.video_id, one.id);
        UPDATE events SET key = one.key, first_s = one.first_s, last_s = one.last_s WHERE id = told;
    END LOOP;
END
$$;

-- Matches an entry that is new with what was there before it, `most` sightings at a time, the newest first; returns how many
-- hits it noted. `matched_below` says where it goes on, null where it is done. They are told only where the entry says so.
CREATE FUNCTION match_existing(of_entry bigint, most integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    many CONSTANT integer := 3000;
    entry watch_entries;
    spellings bigint[];
    ids bigint[];
    noted integer := 0;
    hit record;
BEGIN
    -- What is being made searchable meanwhile either sees the entry, or is seen here.
    PERFORM pg_advisory_xact_lock(1229866072);
    SELECT * INTO entry FROM watch_entries WHERE id = of_entry AND matched_below IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    spellings := CASE entry.kind
        WHEN 'exact' THEN array(SELECT p.id FROM spellings p WHERE p.key = entry.key)
        WHEN 'like' THEN array(SELECT l.id FROM spellings_like(entry.key) l)
        ELSE spellings_fitting(entry.key, many + 1) END;
    IF cardinality(spellings) > many THEN
        ids := array(
            SELECT s.id FROM sightings s
            WHERE s.id < entry.matched_below AND EXISTS (
                SELECT FROM sighting_candidates c
                WHERE c.sighting_id = s.id AND c.key LIKE plate_like(entry.key) AND c.key NOT LIKE '#%')
            ORDER BY s.id DESC LIMIT most);
    ELSE
        ids := array(
            SELECT DISTINCT c.sighting_id FROM candidates c
            WHERE c.spelling_id = ANY (spellings) AND c.sighting_id < entry.matched_below
            ORDER BY c.sighting_id DESC LIMIT most);
    END IF;
    PERFORM hold_videos_of(ids);
    FOR hit IN
        INSERT INTO hits (entry_id, video_id, sighting_id, said, winner, share, distance, read_as, first_s, last_s, best_s, existing)
            SELECT entry.id, s.video_id, s.id, f.key, f.winner, f.confidence, f.distance, s.text, s.first_s, s.last_s, s.best_s, true
            FROM sightings s CROSS JOIN LATERAL (
                SELECT c.key, c.winner, c.confidence,
                       CASE entry.kind WHEN 'like' THEN plate_distance(entry.key, c.key) ELSE 0 END AS distance
                FROM sighting_candidates c
                WHERE c.sighting_id = s.id AND (entry.kind = 'like' OR c.key LIKE plate_like(entry.key))
                ORDER BY distance, c.winner DESC, c.confidence DESC LIMIT 1) f
            WHERE s.id = ANY (ids) AND f.distance <= 1 AND (f.key NOT LIKE '#%' OR entry.kind = 'exact')
            ON CONFLICT (entry_id, sighting_id) DO NOTHING RETURNING id, video_id, sighting_id
    LOOP
        noted := noted + 1;
        IF entry.alert_existing THEN
            PERFORM tell('hit', (SELECT job_id FROM videos WHERE id = hit.video_id), hit.video_id, hit.sighting_id, hit.id,
                         of_label => entry.label);
        END IF;
    END LOOP;
    UPDATE watch_entries SET matched_below = CASE WHEN cardinality(ids) = most THEN ids[most] END WHERE id = entry.id;
    RETURN noted;
END
$$;

-- States that somebody outside may wait for.
CREATE FUNCTION tell_state() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'jobs' THEN
        PERFORM tell('job', NEW.id, of_state => NEW.state);
    ELSE
        PERFORM tell('video', NEW.job_id, NEW.id, of_state => NEW.state);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tell_state AFTER UPDATE OF state ON jobs
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION tell_state();
CREATE TRIGGER tell_state AFTER UPDATE OF state, finished_at ON videos
FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION tell_state();

-- As in 0009; new: what is made searchable is held against the watch lists, and told.
CREATE OR REPLACE FUNCTION index_sightings(most integer DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    notes integer;
    ids bigint[];
    left_by bigint[];
    left_plates bigint[];
    known bigint[];
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
    PERFORM hold_videos_of(ids);
    WITH gone AS (DELETE FROM candidates WHERE sighting_id = ANY (ids) RETURNING sighting_id, spelling_id)
    SELECT array_agg(DISTINCT spelling_id), array_agg(DISTINCT sighting_id) INTO left_by, known FROM gone;

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

    IF EXISTS (SELECT FROM watch_terms) THEN
        PERFORM note_hits(ids);
    END IF;
    PERFORM tell_sightings(array(SELECT unnest(ids) EXCEPT SELECT unnest(known)));
    RETURN notes;
END
$$;

-- Hits with their entry and sighting; `sighting` is null where a redo did not find it again.
CREATE VIEW watch_hits AS
SELECT h.id AS hit, w.label, w.plate AS wanted, w.kind, h.read_as, h.said, h.winner, h.share, h.distance, h.existing,
       h.created_at, v.job_id AS job, v.id AS video_id, v.path AS video, s.id AS sighting, h.first_s, h.last_s, h.best_s,
       v.recorded_at, w.id AS entry, w.colour
FROM hits h
JOIN watch_entries w ON w.id = h.entry_id
JOIN videos v ON v.id = h.video_id
LEFT JOIN sightings s ON s.id = h.sighting_id;

-- What was given up: nobody is told of it until it is sent again.
CREATE VIEW dead_deliveries AS
SELECT d.id AS delivery, e.name AS endpoint, v.uid AS event, v.kind, v.job_id AS job, v.video_id, v.sighting_id AS sighting,
       d.tries, d.status, d.problem, d.tried_at, d.created_at
FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id JOIN events v ON v.id = d.event_id
WHERE d.state = 'dead';
