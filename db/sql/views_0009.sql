-- As in 0003, from what each plate counts.
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
    key
FROM plates
WHERE sightings > 0;

-- Unique plates that a pattern with `*` and `?` fits, the most seen first; `hashed` is
-- a plate's keyed hash, for jobs that store plates as such.
CREATE FUNCTION plates_fitting(wanted text, most integer DEFAULT 100, hashed text DEFAULT NULL)
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
            'SELECT * FROM unique_plates WHERE key LIKE $1 AND key NOT LIKE ''#%'' ORDER BY sightings DESC, plate LIMIT $2'
            USING plate_like(pattern), most;
    ELSE
        RETURN QUERY
            -- OFFSET 0: each key is looked up, rather than all plates in the order of their number.
            SELECT * FROM (SELECT * FROM unique_plates u WHERE u.key = ANY (keys || pattern || hashed) OFFSET 0) u
            ORDER BY u.sightings DESC, u.plate LIMIT most;
    END IF;
END
$$;
