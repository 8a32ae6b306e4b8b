"""`dashplate verify` over a job with hashed plates: whatever would show a plate is found and named."""

from __future__ import annotations

import pytest

from dashplate.commands.checks.verify import check
from tests.support.road import Road
from tests.support.tables.plates import DRIVE, PLATES

pytestmark = pytest.mark.usefixtures("plate_key")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        ("UPDATE sightings SET text = '#KA05' WHERE index = 0",
         "sighting 0 is not hashed"),
        ("UPDATE sightings SET alternatives = '[{\"text\": \"KA05MX1234\", \"confidence\": 0.1}]' WHERE index = 1",
         "a runner-up of sighting 1 is not hashed"),
        ("UPDATE plates SET text = 'KA05MX1234'"
         " WHERE id = (SELECT plate_id FROM sightings WHERE video_id = 1 AND index = 2)",
         "the plate that sighting 2 counts for is not hashed"),
        ("UPDATE readings SET text = 'KA05MX1234' WHERE tracklet_id = 1",
         "the reading of segment 0, tracklet 0, is not hashed"),
        ("UPDATE readings SET sealed = 'gAAAA' WHERE tracklet_id = 1",
         "the reading of segment 0, tracklet 0, is still there for who has the key"),
        ("INSERT INTO crops (tracklet_id, rank, observation, plate, quality, name)"
         " VALUES (1, 7, '{}', '[]', 1, 'c.png')",
         "the crop c.png is still there, and shows the plate"),
        ("INSERT INTO frames (video_id, pts, name, sha256, size) VALUES (1, 7, 'f.jpg', '', 1)",
         "the frame f.jpg is there, and shows the plate"),
        (f"UPDATE segments SET problem = 'Nothing like {PLATES[0].lower()}, it says.' WHERE index = 1",
         "what is said of segment 1 of video 1 names a plate"),
        (f"UPDATE videos SET problem = 'It broke at {PLATES[1]}.'",
         "what is said of video 1 names a plate"),
    ],
)  # fmt: skip
def test_whatever_shows_a_plate_of_a_hashed_job_is_found(road: Road, harm: str, sentence: str) -> None:
    job, _ = road.run(DRIVE, hashed=True)
    clear, _ = road.run("clear.mp4")
    assert check(road.url, road.store, job).well
    road.do(harm)
    (found,) = check(road.url, road.store, job, quick=True).examples["clear"]
    assert sentence in found
    # A job in clear may show all of that.
    assert "clear" not in check(road.url, road.store, clear).examples
