-- Refuses a change of state that the table `moves` does not have.
CREATE FUNCTION check_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM moves WHERE kind = TG_ARGV[0] AND before = OLD.state AND after = NEW.state;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'A % may not go from % to %.', TG_ARGV[0], OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_move BEFORE UPDATE OF state ON jobs
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION check_move('job');
CREATE TRIGGER check_move BEFORE UPDATE OF state ON videos
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION check_move('video');
CREATE TRIGGER check_move BEFORE UPDATE OF state ON segments
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION check_move('segment');

-- Keep jobs' counters true to their videos. Once a statement, not once a row: ten thousand files are one addition.
-- One function for each operation, because PostgreSQL gives each only its own table of changed rows.
DO $outer$
DECLARE
    changed record;
BEGIN
    FOR changed IN SELECT * FROM (VALUES
        ('insert', 'SELECT 1 AS sign, * FROM added', 'NEW TABLE AS added'),
        ('update', 'SELECT 1 AS sign, * FROM added UNION ALL SELECT -1, * FROM gone', 'OLD TABLE AS gone NEW TABLE AS added'),
        ('delete', 'SELECT -1 AS sign, * FROM gone', 'OLD TABLE AS gone')
    ) AS v (operation, rows, tables)
    LOOP
        EXECUTE format($function$
            CREATE FUNCTION count_videos_on_%1$s() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE jobs j SET
                    videos = j.videos + d.videos,
                    videos_ended = j.videos_ended + d.ended,
                    videos_with_problem = j.videos_with_problem + d.with_problem,
                    videos_opened = j.videos_opened + d.opened,
                    segments = j.segments + d.segments,
                    footage_s = j.footage_s + d.footage_s,
                    segments_done = j.segments_done + d.done,
                    segments_quarantined = j.segments_quarantined + d.quarantined,
                    footage_done_s = j.footage_done_s + d.footage_done_s
                FROM (
                    SELECT job_id, sum(sign) AS videos, sum(sign * ended) AS ended, sum(sign * ended * problematic) AS with_problem,
                           sum(sign * opened) AS opened, sum(sign * segments) AS segments, sum(sign * footage_s) AS footage_s,
                           sum(sign * ended * segments_done) AS done,
                           sum(sign * ended * segments_quarantined) AS quarantined,
                           sum(sign * ended * footage_done_s) AS footage_done_s
                    FROM (
                        SELECT sign, job_id, segments, segments_done, segments_quarantined, footage_done_s,
                               coalesce(duration_s, 0) AS footage_s, (finished_at IS NOT NULL)::int AS ended,
                               (problem IS NOT NULL)::int AS problematic,
                               (kind IS NOT NULL OR finished_at IS NOT NULL)::int AS opened
                        FROM (%2$s) changed
                    ) counted
                    GROUP BY job_id
                ) d
                -- A segment's end changes a video that is still open, and need not touch the job at all.
                WHERE j.id = d.job_id AND (d.videos, d.ended, d.with_problem, d.opened, d.segments, d.done, d.quarantined)
                      IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0);
                RETURN NULL;
            END
            $$
        $function$, changed.operation, changed.rows);
        EXECUTE format(
            'CREATE TRIGGER count_videos_on_%1$s AFTER %1$s ON videos REFERENCING %2$s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION count_videos_on_%1$s()',
            changed.operation, changed.tables
        );
    END LOOP;
END
$outer$;

-- What was asked stays on record.
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit table is only added to.' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_all_audit BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
