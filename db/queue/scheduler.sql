-- Whose turn it is: what `db/queue/scheduler.py` asks. Each statement begins with its name.
--
-- weights: jsonb, the parts of each priority. spread: jobs lie at places between 0 and 1 within a part, evenly by the
-- golden ratio, so that equal turns do not all come at once.

-- name: due_segments
-- Segments to be sent now, in their order, each with the turn that it leaves its job at.
-- window: most segments of a job between dispatch and end, or twice as many as workers hold: more workers have more.
-- least_depth: most that wait for detection while nobody detects. express_jobs, express_every_s: how many jobs use the
-- express queue at once, and how often one of weight 1 does.
WITH
-- Jobs that have not finished.
open_jobs AS MATERIALIZED (
    SELECT id, state, turn, (CAST(:weights AS jsonb) ->> priority)::float AS weight, id * 0.3819660112501051 AS places
    FROM jobs WHERE finished_at IS NULL
),
-- The latest turn that was given, to any of them.
clock AS (
    SELECT greatest(0, max(turn - 1 / weight)) AS turn FROM open_jobs
),
-- What each has on its way.
flying AS MATERIALIZED (
    SELECT job_id, count(*) AS n, count(*) FILTER (WHERE state = 'queued') AS queued,
           count(*) FILTER (WHERE state = 'detecting') AS detecting,
           count(*) FILTER (WHERE state IN ('detecting', 'reading')) AS held
    FROM segments WHERE state IN ('queued', 'detecting', 'detected', 'reading') GROUP BY job_id
),
-- How many more may wait for detection, over all jobs.
room AS (
    SELECT greatest(:least_depth, 2 * coalesce(sum(detecting), 0)) - coalesce(sum(queued), 0) AS n FROM flying
),
-- Where each running job stands. A job that comes begins with its first place from the clock on (`start`); what goes by
-- express takes the part that has begun (`begun`), and so does not move the clock on.
standing AS MATERIALIZED (
    SELECT j.id, j.weight, spread, coalesce(flying.n, 0) AS n,
           greatest(:window, 2 * coalesce(flying.held, 0)) - coalesce(flying.n, 0) AS room,
           greatest(j.turn, ceil(clock.turn * j.weight - spread) / j.weight) AS start,
           greatest(j.turn, floor(clock.turn * j.weight) / j.weight) AS begun
    FROM open_jobs j
    CROSS JOIN clock
    CROSS JOIN LATERAL (SELECT j.places - floor(j.places) AS spread) s
    LEFT JOIN flying ON flying.job_id = j.id
    WHERE j.state = 'running'
),
-- The first pending segments of each, as many as its window leaves room for, numbered; and no more than can be sent.
due AS (
    SELECT segment.id, j.id AS job_id, segment.step,
           j.start + (place - 1) / j.weight + spread / j.weight AS turn,
           j.start + place / j.weight AS next_turn,
           j.begun + 1 / j.weight AS turn_after_express,
           place = 1 AND j.n = 0 AND j.start <= clock.turn + 1 / j.weight AND NOT served.lately AS begins
    FROM standing j
    CROSS JOIN clock
    CROSS JOIN room
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT 1 FROM segments
            WHERE job_id = j.id AND state IN ('done', 'quarantined')
                  AND moved_at > now() - :express_every_s / j.weight * interval '1 second'
        ) AS lately
    ) served
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM segments
        WHERE job_id = j.id AND state = 'pending' AND NOT parked AND not_before IS NOT NULL AND not_before > now()
    ) delayed
    CROSS JOIN LATERAL (
        SELECT id, step, row_number() OVER (ORDER BY video_id, index) AS place
        FROM (
            SELECT id, step, video_id, index FROM segments
            WHERE job_id = j.id AND state = 'pending' AND NOT parked AND (not_before IS NULL OR not_before <= now())
            ORDER BY video_id, index
            LIMIT least(greatest(0, j.room - delayed.n), greatest(:window, room.n))
        ) pending
    ) segment
),
-- What begins goes by express, unless too much does; the rest by turn.
ranked AS (
    SELECT due.*, begins AND count(*) FILTER (WHERE begins) OVER () <= :express_jobs AS express,
           row_number() OVER (PARTITION BY step ORDER BY turn, job_id) AS rank
    FROM due
)
SELECT id, job_id, step, express, CASE WHEN express THEN turn_after_express ELSE next_turn END AS next_turn
FROM ranked
WHERE express OR step = 'read' OR rank <= (SELECT n FROM room)
ORDER BY turn, id

-- name: due_video_tasks
-- Probes and aggregations to be sent now, in their order, each with the turn that it leaves its job at; the steps are
-- those of `due_segments`. window: most that are on their way over all jobs, or twice as many as workers hold.
WITH
open_jobs AS MATERIALIZED (
    SELECT id, state, video_turn AS turn, (CAST(:weights AS jsonb) ->> priority)::float AS weight,
           id * 0.3819660112501051 AS places
    FROM jobs WHERE finished_at IS NULL
),
clock AS (
    SELECT greatest(0, max(turn - 1 / weight)) AS turn FROM open_jobs
),
flying AS MATERIALIZED (
    SELECT job_id, count(*) AS n, count(lease_until) AS held FROM outbox WHERE sent_at IS NOT NULL GROUP BY job_id
),
most AS (
    SELECT greatest(:window, 2 * coalesce(sum(held), 0)) AS n FROM flying
),
standing AS MATERIALIZED (
    SELECT j.id, j.state, j.weight, spread, greatest(0, most.n - coalesce(flying.n, 0)) AS room,
           coalesce(flying.n, 0) AS n,
           greatest(j.turn, ceil(clock.turn * j.weight - spread) / j.weight) AS start,
           greatest(j.turn, floor(clock.turn * j.weight) / j.weight) AS begun
    FROM open_jobs j
    CROSS JOIN clock
    CROSS JOIN most
    CROSS JOIN LATERAL (SELECT j.places - floor(j.places) AS spread) s
    LEFT JOIN flying ON flying.job_id = j.id
),
-- The first of each job, aggregations before probes; files of a job that does not run are not opened. What was tried
-- before and what never was take turns: files that cannot be reached would come first for half an hour.
due AS (
    SELECT task.id, j.id AS job_id,
           j.start + (place - 1) / j.weight + spread / j.weight AS turn,
           j.start + place / j.weight AS next_turn,
           j.begun + 1 / j.weight AS turn_after_express,
           place = 1 AND j.n = 0 AND j.start <= clock.turn + 1 / j.weight AS begins
    FROM standing j
    CROSS JOIN clock
    CROSS JOIN LATERAL (
        SELECT id, row_number() OVER (ORDER BY kind, number, again) AS place
        FROM (
            SELECT fresh.*, row_number() OVER (ORDER BY kind, id) AS number, false AS again
            FROM (
                SELECT id, kind FROM outbox
                WHERE job_id = j.id AND sent_at IS NULL AND (j.state = 'running' OR kind = 'aggregate')
                      AND not_before IS NULL
                ORDER BY kind, id LIMIT j.room
            ) fresh
            UNION ALL
            SELECT tried.*, row_number() OVER (ORDER BY kind, id) AS number, true AS again
            FROM (
                SELECT id, kind FROM outbox
                WHERE job_id = j.id AND sent_at IS NULL AND (j.state = 'running' OR kind = 'aggregate')
                      AND not_before <= now()
                ORDER BY kind, id LIMIT j.room
            ) tried
        ) waiting
        ORDER BY place LIMIT j.room
    ) task
),
ranked AS (
    SELECT due.*, begins AND count(*) FILTER (WHERE begins) OVER () <= :express_jobs AS express,
           row_number() OVER (ORDER BY turn, job_id) AS rank
    FROM due
)
SELECT id, job_id, express, CASE WHEN express THEN turn_after_express ELSE next_turn END AS next_turn
FROM ranked
WHERE express OR rank <= (SELECT n FROM most) - (SELECT coalesce(sum(n), 0) FROM flying)
ORDER BY turn, id

-- name: charge_segments
-- Moves jobs' turns on. Never waits for a job whose row is being counted up: who ends a video holds it last, and a share
-- is approximate.
UPDATE jobs SET turn = charged.turn
FROM unnest(CAST(:jobs AS bigint[]), CAST(:turns AS float[])) AS charged (id, turn)
WHERE jobs.id = charged.id AND jobs.id IN (SELECT id FROM jobs WHERE id = ANY (:jobs) FOR NO KEY UPDATE SKIP LOCKED)

-- name: charge_video_tasks
-- The same for turns in video tasks.
UPDATE jobs SET video_turn = charged.turn
FROM unnest(CAST(:jobs AS bigint[]), CAST(:turns AS float[])) AS charged (id, turn)
WHERE jobs.id = charged.id AND jobs.id IN (SELECT id FROM jobs WHERE id = ANY (:jobs) FOR NO KEY UPDATE SKIP LOCKED)
