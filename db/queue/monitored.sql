-- What monitoring asks every few seconds: `db/queue/monitored.py`. Each statement begins with its name.
--
-- None reads a table from end to end: what is open lies in partial indexes, what has ended in the counters of jobs, and
-- of what ended lately only the part since the last look is read.

-- name: clock
-- Up to where what has ended is read: rows show up when they are committed, and `moved_at` is when they were begun.
SELECT now(), now() - :settled_s * interval '1 second' AS until, (SELECT coalesce(max(id), 0) FROM jobs) AS newest_job

-- name: open_jobs
-- Jobs that have not finished, their videos and the footage that is left, by state.
SELECT j.state, count(*) AS jobs, array_agg(j.id) AS ids,
       sum(j.videos - j.videos_opened)::bigint AS videos_registered,
       sum(j.videos_opened - j.videos_ended)::bigint AS videos_opened,
       sum(j.segments - j.segments_done - j.segments_quarantined - o.segments)::bigint AS segments,
       sum(j.footage_s - j.footage_done_s - o.footage_s) AS footage_s
FROM jobs j
CROSS JOIN LATERAL (
    SELECT coalesce(sum(v.segments_done + v.segments_quarantined), 0) AS segments,
           coalesce(sum(v.footage_done_s), 0) AS footage_s
    FROM videos v WHERE v.job_id = j.id AND v.started_at IS NOT NULL AND v.finished_at IS NULL
) o
WHERE j.finished_at IS NULL
GROUP BY j.state

-- name: segments_in_flight
-- Segments between the dispatcher and their end, by state, and how long the oldest has been in its state, seconds.
SELECT state, count(*) AS segments, extract(epoch FROM now() - min(moved_at))::float AS oldest_s
FROM segments WHERE state IN ('queued', 'detecting', 'detected', 'reading')
GROUP BY state

-- name: segments_delayed
-- Segments that wait before another attempt. jobs: those that have not finished.
SELECT coalesce(sum(d.n), 0)::bigint AS segments
FROM unnest(CAST(:jobs AS bigint[])) AS j (id)
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM segments
    WHERE job_id = j.id AND state = 'pending' AND NOT parked AND not_before IS NOT NULL
) d

-- name: segments_ended
-- What ended after one moment and up to another, by state, and the attempts that failed or were lost on the way.
SELECT e.state, count(*) AS segments, sum(e.end_s - e.start_s) AS footage_s,
       sum(e.failures)::bigint AS failures, sum(e.losses)::bigint AS losses
FROM unnest(CAST(:jobs AS bigint[])) AS j (id)
CROSS JOIN LATERAL (
    SELECT state, start_s, end_s, failures, losses FROM segments
    WHERE job_id = j.id AND state IN ('done', 'quarantined') AND moved_at > :after AND moved_at <= :until
) e
GROUP BY e.state

-- name: videos_ended
-- The same for videos.
SELECT e.state, count(*) AS videos
FROM unnest(CAST(:jobs AS bigint[])) AS j (id)
CROSS JOIN LATERAL (
    SELECT state FROM videos
    WHERE job_id = j.id AND finished_at > :after AND finished_at <= :until AND purged_at IS NULL
) e
GROUP BY e.state

-- name: videos_away
-- Videos that cannot be reached, and for how long the first of them has not been, seconds.
SELECT count(*) AS videos, coalesce(extract(epoch FROM now() - min(away_since)), 0)::float AS longest_s
FROM videos WHERE away_since IS NOT NULL

-- name: video_tasks
-- Openings and aggregations that are on their way, and those that have failed.
SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL) AS sent,
       (SELECT count(*) FROM outbox WHERE failures > 0) AS failing

-- name: deliveries
-- What endpoints are still to be told and could not be told, up to a hundred thousand of each, and for how long the first
-- has been due, seconds. What waits for an endpoint that is switched off does not count.
SELECT (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'pending' LIMIT 100000) p) AS pending,
       (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'dead' LIMIT 100000) d) AS dead,
       coalesce((SELECT max(extract(epoch FROM now() - o.due_at)) FROM endpoints e CROSS JOIN LATERAL (
           SELECT due_at FROM deliveries WHERE endpoint_id = e.id AND state = 'pending' AND due_at <= now()
           ORDER BY due_at, id LIMIT 1) o WHERE e.disabled_at IS NULL), 0)::float AS overdue_s,
       (SELECT count(*) FROM endpoints WHERE disabled_at IS NOT NULL) AS switched_off

-- name: last_sweep
-- Seconds since the last sweep; no row where there never was one.
SELECT extract(epoch FROM now() - at)::float AS age_s FROM pulse

-- name: server
-- What PostgreSQL says of itself: connections of all its databases, and how many may be.
SELECT (SELECT sum(numbackends) FROM pg_stat_database)::bigint AS connections,
       current_setting('max_connections')::bigint AS most_connections,
       pg_database_size(current_database())::bigint AS bytes
