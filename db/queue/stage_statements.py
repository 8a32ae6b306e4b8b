"""How what a stage found is stored, as parts of the statement that moves its segment (`segment_statements`).

Findings travel as JSON, which `db.findings.stage_results` makes. So a statement is the same however many there are.
"""

from __future__ import annotations

#: An expression: the crops of `{segment}` that are to be read, those that were detected last; null without any.
CROPS_TO_READ = """
    (SELECT jsonb_agg(jsonb_build_object('tracklet', c.tracklet_id, 'observation', c.observation, 'plate', c.plate,
                                         'quality', c.quality, 'name', c.name, 'sha256', c.sha256)
                      ORDER BY t.index, c.rank)
     FROM tracklets t JOIN crops c ON c.tracklet_id = t.id
     WHERE t.segment_id = {segment}
           AND t.provisional = EXISTS (SELECT FROM tracklets p WHERE p.segment_id = {segment} AND p.provisional))
"""

#: Stores `:tracklets` and their crops for the segment in `moved`; there must be none of these numbers yet.
ADD_TRACKLETS = """
    given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:tracklets AS jsonb))
        AS t (index int, first jsonb, last jsonb, seen int, path text, crops jsonb)
    ), added AS (
        INSERT INTO tracklets (segment_id, index, first, last, seen, path, provisional)
        SELECT moved.id, index, first, last, seen, decode(path, 'base64'), :provisional FROM moved, given
        RETURNING id, index
    ), pictures AS (
        INSERT INTO crops (tracklet_id, rank, observation, plate, quality, name, sha256, size)
        SELECT added.id, c.* FROM added JOIN given USING (index), jsonb_to_recordset(given.crops)
        AS c (rank int, observation jsonb, plate jsonb, quality float, name text, sha256 text, size int)
    )
"""

_READING = (
    "text", "confidence", "characters", "alternatives", "country", "country_confidence", "reads", "crops", "best_crop",
    "sealed",
)  # fmt: skip

#: Replaces the readings of the segment in `ended` by `:readings`; a tracklet without one loses what it had.
PUT_READINGS = f"""
    said AS (
        SELECT * FROM jsonb_to_recordset(CAST(:readings AS jsonb))
        AS r (tracklet bigint, text text, confidence float, characters jsonb, alternatives jsonb, country text,
              country_confidence float, reads int, crops int, best_crop int, sealed text)
    ), dropped AS (
        DELETE FROM readings r USING tracklets t, ended
        WHERE t.segment_id = ended.segment_id AND r.tracklet_id = t.id
              AND r.tracklet_id NOT IN (SELECT tracklet FROM said)
    ), put AS (
        INSERT INTO readings (tracklet_id, {", ".join(_READING)}, best)
        SELECT tracklet, {", ".join(f"said.{name}" for name in _READING)},
               (SELECT observation FROM crops c WHERE c.tracklet_id = tracklet AND c.rank = best_crop)
        FROM said WHERE EXISTS (SELECT FROM ended)
        ON CONFLICT (tracklet_id) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in (*_READING, "best"))}
    )
"""
