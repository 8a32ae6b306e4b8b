-- As in 0004, and segments that are parked wait too.
CREATE OR REPLACE VIEW job_progress AS
SELECT
    j.id                                                                        AS job,
    j.name,
    j.created_at,
    j.finished_at,
    j.videos,
    j.videos_ended,
    j.videos_with_problem,
    j.segments,
    j.segments_done + o.segments_done                                           AS segments_done,
    j.segments_quarantined + o.segments_quarantined                             AS segments_quarantined,
    j.footage_s,
    j.footage_done_s + o.footage_done_s                                         AS footage_done_s,
    (
        SELECT count(DISTINCT s.plate_id)
        FROM sightings s JOIN videos w ON w.id = s.video_id WHERE w.job_id = j.id
    )                                                                           AS plates,
    j.state,
    j.open,
    j.priority,
    j.videos_opened,
    -- What is not opened yet is taken to be as long as the rest.
    CASE WHEN j.videos_opened > 0 THEN j.footage_s / j.videos_opened * j.videos END AS footage_expected_s,
    -- What waits for another attempt, or for the surroundings to mend.
    (
        SELECT count(*) FROM segments g
        WHERE g.job_id = j.id AND g.state = 'pending' AND g.not_before IS NOT NULL AND NOT g.parked
    ) + (
        SELECT count(*) FROM segments g WHERE g.job_id = j.id AND g.parked
    )                                                                           AS segments_delayed
FROM jobs j
CROSS JOIN LATERAL (
    SELECT coalesce(sum(v.segments_done), 0)::bigint AS segments_done,
           coalesce(sum(v.segments_quarantined), 0)::bigint AS segments_quarantined,
           coalesce(sum(v.footage_done_s), 0) AS footage_done_s
    FROM videos v WHERE v.job_id = j.id AND v.started_at IS NOT NULL AND v.finished_at IS NULL
) o;
