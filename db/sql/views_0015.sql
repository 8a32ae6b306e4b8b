-- How much each stage has to do, for whoever decides how many workers there are. `waiting`: what a worker could begin now,
-- sent out or not. `working`: what workers have in hand. What a paused job has not sent out, what waits for another
-- attempt and what cannot be reached do not count. Of what is pending, up to 1,000 segments of a job and 20,000 of all jobs
-- are counted: more than any number of workers is decided by, and a bound on what the question costs.
CREATE VIEW stage_backlog AS
WITH pending AS (
    SELECT s.step
    FROM jobs j
    CROSS JOIN LATERAL (
        SELECT step FROM segments
        WHERE job_id = j.id AND state = 'pending' AND NOT parked AND (not_before IS NULL OR not_before <= now())
        LIMIT 1000
    ) s
    WHERE j.finished_at IS NULL AND j.state = 'running'
    LIMIT 20000
),
flying AS (
    SELECT state, count(*) AS n FROM segments
    WHERE state IN ('queued', 'detecting', 'detected', 'reading') GROUP BY state
),
videos_due AS (
    SELECT 1
    FROM jobs j
    CROSS JOIN LATERAL (
        SELECT 1 FROM outbox
        WHERE job_id = j.id AND sent_at IS NULL AND (j.state = 'running' OR kind = 'aggregate')
              AND (not_before IS NULL OR not_before <= now())
        LIMIT 1000
    ) o
    WHERE j.finished_at IS NULL
    LIMIT 20000
)
SELECT 'control' AS stage, (SELECT count(*) FROM videos_due) AS waiting,
       (SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL) AS working
UNION ALL
SELECT t.stage,
       (SELECT count(*) FROM pending WHERE step = t.stage)
       + coalesce((SELECT n FROM flying WHERE state = t.sent), 0),
       coalesce((SELECT n FROM flying WHERE state = t.held), 0)
FROM (VALUES ('detect', 'queued', 'detecting'), ('read', 'detected', 'reading')) AS t (stage, sent, held);
