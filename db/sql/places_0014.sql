-- Search by place: areas, and sightings and plates found in them. An area is a box, or what lies near a point or along a line.
-- `box`: south, west, north and east, degrees; west is more than east where it crosses 180°. `path`: latitude and longitude
-- of a point, or of each point of a line, one after the other. `within_m`: metres around it.

-- How far the straight line from x1, y1 to x2, y2 is from the origin.
CREATE FUNCTION off_line(x1 double precision, y1 double precision, x2 double precision, y2 double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN x1 * (x2 - x1) + y1 * (y2 - y1) >= 0 THEN sqrt(x1 * x1 + y1 * y1)
                WHEN x2 * (x1 - x2) + y2 * (y1 - y2) >= 0 THEN sqrt(x2 * x2 + y2 * y2)
                ELSE abs(x1 * y2 - x2 * y1) / sqrt((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1)) END
$$;

-- Metres from a point to a straight line between two others: on a plane around it, which does for some 100 km. The longitudes
-- of all three are near each other, if need be beyond 180°. It and what it calls are one expression each, so that they
-- become part of the question: called, it takes a hundred times as long.
CREATE FUNCTION metres_from_line(lat double precision, lon double precision, lat1 double precision, lon1 double precision,
                                 lat2 double precision, lon2 double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN lat1 = lat2 AND lon1 = lon2 THEN metres_apart(lat, lon, lat1, lon1)
                ELSE 111195.08 * off_line(cosd(lat) * (lon1 - lon), lat1 - lat, cosd(lat) * (lon2 - lon), lat2 - lat) END
$$;

-- An area in pieces, each in a box that does not cross 180°: whole, or what of it lies within `within_m` of a line.
CREATE FUNCTION area_pieces(box double precision[], path double precision[], within_m double precision)
RETURNS TABLE (south double precision, west double precision, north double precision, east double precision,
               lat1 double precision, lon1 double precision, lat2 double precision, lon2 double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 4 AS $$
    WITH lines AS (
        SELECT path[i] AS lat1, path[i + 1] AS lon1, path[j] AS lat2, path[j + 1] AS lon2, within_m / 111195 AS high
        FROM generate_series(1, greatest(1, cardinality(path) - 3), 2) i,
             LATERAL (SELECT least(i + 2, cardinality(path) - 1) AS j) following
        WHERE path IS NOT NULL
    ), around AS (
        SELECT l.*, least(lat1, lat2) - high AS south, greatest(lat1, lat2) + high AS north,
               -- The shorter way from one to the other.
               lon2 - lon1 - 360 * round((lon2 - lon1) / 360) AS eastwards
        FROM lines l
    ), boxed AS (
        -- Where it reaches a pole, it goes all around it.
        SELECT a.*, CASE WHEN poleward >= 89.9 THEN -180 ELSE lon1 + least(0, eastwards) - wide END AS west,
               CASE WHEN poleward >= 89.9 THEN 180 ELSE lon1 + greatest(0, eastwards) + wide END AS east
        FROM around a, LATERAL (SELECT greatest(-south, north) AS poleward) p,
             LATERAL (SELECT CASE WHEN poleward < 89.9 THEN high / cosd(poleward) END AS wide) w
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, box[1], box[3], NULL, box[2],
               CASE WHEN box[2] > box[4] THEN box[4] + 360 ELSE box[4] END
        WHERE path IS NULL AND box IS NOT NULL
    )
    SELECT b.south, greatest(-180, b.west + turn), b.north, least(180, b.east + turn),
           b.lat1, b.lon1 + turn, b.lat2, b.lon1 + b.eastwards + turn
    FROM boxed b, unnest(ARRAY[-360, 0, 360]) turn
    WHERE b.west + turn <= 180 AND b.east + turn >= -180
      -- What goes all around has both its ends in one piece.
      AND (b.east - b.west < 360 OR b.west + turn < 180 AND b.east + turn > -180)
$$;

-- The rows of cells that an area lies in, each with the piece of it; see `ix_sightings_place`.
CREATE FUNCTION area_rows(box double precision[], path double precision[], within_m double precision)
RETURNS TABLE (cell_row integer, south double precision, west double precision, north double precision,
               east double precision, lat1 double precision, lon1 double precision, lat2 double precision,
               lon2 double precision)
-- In PL/pgSQL, because SQL would become part of the question, and the planner then takes its rows for a thousand each, and
-- reads the index from end to end.
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 10 AS $$
BEGIN
    RETURN QUERY
        SELECT r, a.* FROM area_pieces(box, path, within_m) a,
            generate_series(floor(greatest(-90, a.south) * 200)::integer, floor(least(90, a.north) * 200)::integer) r;
END
$$;

-- Numbers of the sightings in an area, up to `up_to`, the newest first; null where there are more than `most`.
CREATE FUNCTION sightings_inside(box double precision[], path double precision[], within_m double precision, most integer,
                                 up_to bigint DEFAULT NULL) RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    ids bigint[] := array(
        SELECT s.id FROM area_rows(box, path, within_m) a
        JOIN sightings s ON floor(s.lat * 200)::integer = a.cell_row AND s.lon BETWEEN a.west AND a.east
        WHERE s.lat BETWEEN a.south AND a.north AND (up_to IS NULL OR s.id <= up_to)
          AND (a.lat1 IS NULL OR metres_from_line(s.lat, s.lon, a.lat1, a.lon1, a.lat2, a.lon2) <= within_m)
        LIMIT most + 1);
BEGIN
    IF cardinality(ids) > most THEN
        RETURN NULL;
    END IF;
    -- Where the pieces of a line meet, once.
    RETURN array(SELECT DISTINCT id FROM unnest(ids) id ORDER BY id DESC);
END
$$;

-- Sightings that may be a plate, the likest first, of equally like ones the newest. `said` is the text that fits: what the
-- sighting was read as by the machine or by a person (`winner`), or one of its runners-up; `share` its confidence, 1 for a
-- person's.
--
-- wanted: a plate, or a pattern with `*` and `?`; null is any plate, hashed ones too. alike: also what is at a `distance` of
-- at most 1; for plates of 3 to 16 characters. since, until: when the video was finished. least_share: `share` at least that.
-- winners: only what sightings were read as. hashed: the plate's keyed hash, for jobs that store plates as such.
-- after_distance, after_sighting: goes on behind that row. box, path, within_m: an area that the camera was in.
CREATE FUNCTION search_plates(
    wanted text, alike boolean DEFAULT false, of_job bigint DEFAULT NULL, of_country text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, least_share double precision DEFAULT NULL,
    winners boolean DEFAULT false, most integer DEFAULT 100, hashed text DEFAULT NULL,
    after_distance double precision DEFAULT NULL, after_sighting bigint DEFAULT NULL,
    box double precision[] DEFAULT NULL, path double precision[] DEFAULT NULL, within_m double precision DEFAULT NULL
) RETURNS TABLE (sighting bigint, said text, winner boolean, share double precision, distance double precision)
-- Remembering what was looked through costs more than looking.
LANGUAGE plpgsql STABLE PARALLEL SAFE SET enable_memoize = off AS $$
DECLARE
    -- More spellings than this, or candidates of them, are not gathered: so many fit that sightings are looked through
    -- instead, newest first: `most` * sightings / candidates of them, each of which takes about as long as a candidate.
    -- The same holds of sightings in an area, of half as many.
    many CONSTANT integer := 3000;
    many_candidates CONSTANT integer := 2 * sqrt(most * greatest(
        1e6, (SELECT reltuples FROM pg_class WHERE oid = 'sightings'::regclass)));
    -- Sightings of a small area that are looked at together, the newest first.
    slice CONSTANT integer := 1000;
    spelled text := plate_key(wanted);
    pattern boolean := spelled ~ '[*?]';
    broad boolean := wanted IS NULL;
    ids bigint[];
    distances double precision[];
    area CONSTANT boolean := box IS NOT NULL OR path IS NOT NULL;
    -- All that lie in a small area, newest first; null where it is not small.
    there bigint[];
    left_over integer := most;
    came integer;
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
    pieces text := '';
    inside text := '';
    looking text;
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
    IF area THEN
        -- To gather one takes twice as long as to look one through. Where distance comes first in the order, what is older
        -- than the last one may have been before it.
        there := sightings_inside(box, path, within_m, many_candidates / 2, CASE WHEN broad THEN last_id END);
        IF there IS NULL THEN
            pieces := 'WITH pieces AS MATERIALIZED (SELECT * FROM area_pieces($11, $12, $13)) ';
            -- In a CASE, as below.
            inside := ' AND CASE WHEN s.lat IS NULL THEN false ELSE EXISTS (
                SELECT FROM pieces a
                WHERE s.lat BETWEEN a.south AND a.north AND s.lon BETWEEN a.west AND a.east
                  AND (a.lat1 IS NULL OR metres_from_line(s.lat, s.lon, a.lat1, a.lon1, a.lat2, a.lon2) <= $13)) END';
        END IF;
    END IF;
    IF broad THEN
        IF of_videos <> '' AND there IS NULL THEN
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
        looking := pieces || CASE WHEN wanted IS NULL THEN
            'SELECT s.id, translate(s.text, ''OI'', ''01''), true, s.confidence, 0.0::double precision
             FROM sightings s
             WHERE @ids' || CASE WHEN least_share IS NOT NULL THEN ' AND s.confidence >= $7' ELSE '' END
        ELSE
            'SELECT s.id, f.key, f.winner, f.confidence, 0.0::double precision
             FROM sightings s CROSS JOIN LATERAL (
                 SELECT c.key, c.winner, c.confidence FROM (
                     SELECT m.key, m.winner, m.confidence FROM may_say(s.text, s.confidence, s.alternatives) m
                     UNION ALL
                     SELECT translate(r.text, ''OI'', ''01''), true, 1.0 FROM corrections r
                     WHERE r.sighting_id = s.id AND r.text IS NOT NULL) c
                 WHERE c.key LIKE $1 AND c.key NOT LIKE ''#%''' || sure || '
                 ORDER BY c.winner DESC, c.confidence DESC LIMIT 1) f
             WHERE @ids AND CASE WHEN translate(s.text, ''OI'', ''01'') LIKE $1'
                || CASE WHEN least_share IS NOT NULL THEN ' AND s.confidence >= $7' ELSE '' END || ' THEN true ELSE '
                -- As JSON, a text stands in quotes; what is quoted in it follows a backslash.
                || CASE WHEN winners THEN 'false' ELSE 'translate(s.alternatives::text, ''OI\'', ''01'') LIKE $2' END
                || ' OR s.id IN (SELECT r.sighting_id FROM corrections r WHERE translate(r.text, ''OI'', ''01'') LIKE $1) END'
        END || replace(narrowed, '@', 's') || inside || ' ORDER BY s.id DESC LIMIT $10';
        -- In a small area some together, as many as may be enough.
        FOR turn IN 0 .. CASE WHEN there IS NULL THEN 0 ELSE (cardinality(there) - 1) / slice END LOOP
            RETURN QUERY EXECUTE replace(looking, '@ids', CASE
                WHEN there IS NULL THEN 's.id BETWEEN $8 AND $9' ELSE 's.id = ANY ($14[$15 + 1:$15 + $16])' END)
                USING plate_like(spelled), '%"' || plate_like(spelled) || '"%', of_job, of_country, since, until,
                      least_share, coalesce(first_id, 0), coalesce(last_id, 9223372036854775807), left_over,
                      box, path, within_m, there, turn * slice, slice;
            GET DIAGNOSTICS came = ROW_COUNT;
            left_over := left_over - came;
            EXIT WHEN left_over <= 0;
        END LOOP;
    ELSE
        -- A candidate may outlive its sighting for a moment.
        RETURN QUERY EXECUTE
            pieces || 'SELECT f.id, p.key, f.winner, f.confidence, f.distance
             FROM (SELECT * FROM (
                       SELECT DISTINCT ON (c.sighting_id) c.sighting_id AS id, m.id AS spelling_id, c.winner, c.confidence,
                              m.distance
                       FROM unnest($1, $2) m (id, distance) JOIN candidates c ON c.spelling_id = m.id
                       WHERE true' || replace(narrowed, '@', 'c') || sure
                       || CASE WHEN there IS NOT NULL THEN ' AND c.sighting_id = ANY ($14)' ELSE '' END || '
                       ORDER BY c.sighting_id DESC, m.distance, c.winner DESC, c.confidence DESC) likest
                   WHERE $10 IS NULL OR distance > $10 OR (distance = $10 AND id < $8)
                   ORDER BY distance, id DESC) f
             JOIN sightings s ON s.id = f.id' || inside || '
             JOIN spellings p ON p.id = f.spelling_id
             ORDER BY f.distance, f.id DESC LIMIT $9'
            USING ids, distances, of_job, of_country, since, until, least_share, after_sighting, most, after_distance,
                  box, path, within_m, there;
    END IF;
END
$$;

-- Unique plates that a pattern with `*` and `?` fits, or that a person read so in one of their sightings, the most seen
-- first; `hashed` is a plate's keyed hash, for jobs that store plates as such. box, path, within_m: those that were seen in
-- an area; then `*` is hashed ones too.
CREATE FUNCTION plates_fitting(
    wanted text, most integer DEFAULT 100, hashed text DEFAULT NULL,
    box double precision[] DEFAULT NULL, path double precision[] DEFAULT NULL, within_m double precision DEFAULT NULL
) RETURNS SETOF unique_plates
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    many CONSTANT integer := 3000;
    pattern text := plate_key(wanted);
    area CONSTANT boolean := box IS NOT NULL OR path IS NOT NULL;
    ids bigint[] := CASE WHEN pattern ~ '[*?]' AND NOT area THEN spellings_fitting(pattern, many + 1) END;
    keys text[] := array(SELECT p.key FROM spellings p WHERE p.id = ANY (ids));
BEGIN
    IF area THEN
        RETURN QUERY EXECUTE
            'SELECT u.* FROM (
                 SELECT p.key, p.sightings, p.text
                 FROM (
                     SELECT DISTINCT s.plate_id FROM area_rows($1, $2, $3) a
                     JOIN sightings s ON floor(s.lat * 200)::integer = a.cell_row AND s.lon BETWEEN a.west AND a.east
                     WHERE s.lat BETWEEN a.south AND a.north
                       AND (a.lat1 IS NULL OR metres_from_line(s.lat, s.lon, a.lat1, a.lon1, a.lat2, a.lon2) <= $3)
                 ) there JOIN plates p ON p.id = there.plate_id'
            || CASE WHEN pattern <> '*' THEN '
                 WHERE p.key = $5 OR p.key LIKE $4 AND p.key NOT LIKE ''#%'' OR p.id = ANY (ARRAY(
                     SELECT c.plate_id FROM corrections c
                     WHERE c.text = $5 OR translate(c.text, ''OI'', ''01'') LIKE $4 AND c.text NOT LIKE ''#%''))'
               ELSE '' END || '
                 ORDER BY p.sightings DESC, p.text LIMIT $6) found
             JOIN unique_plates u ON u.key = found.key ORDER BY found.sightings DESC, found.text'
            USING box, path, within_m, plate_like(pattern), hashed, most;
    ELSIF cardinality(ids) > many THEN
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

-- How many sightings a box holds, in a grid of at most `across` and one cells each way; empty cells are left out. `lat` and
-- `lon` are a cell's south-western corner and `size` its sides, degrees: a power of two, so that a map that is moved keeps
-- its cells.
CREATE FUNCTION heat(box double precision[], across integer DEFAULT 64)
RETURNS TABLE (lat double precision, lon double precision, size double precision, sightings bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT row * side, col * side, side, count(*)
    FROM (SELECT power(2, ceil(log(2::numeric, (greatest(
                     box[3] - box[1], box[4] - box[2] + CASE WHEN box[2] > box[4] THEN 360 ELSE 0 END, 1e-6)
                     / least(greatest(across, 1), 256))::numeric)))::double precision AS side) grid
    CROSS JOIN LATERAL area_rows(box, NULL, NULL) a
    JOIN sightings s ON floor(s.lat * 200)::integer = a.cell_row AND s.lon BETWEEN a.west AND a.east
    CROSS JOIN LATERAL (SELECT floor(s.lat / side) AS row, floor(s.lon / side) AS col) cell
    WHERE s.lat BETWEEN a.south AND a.north
    GROUP BY row, col, side
$$;
