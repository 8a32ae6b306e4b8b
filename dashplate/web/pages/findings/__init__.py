"""Pages of what was found: sightings, their places, plates, searches, review, and what is taken out as files."""

from dashplate.web.pages.findings import convoys, exports, heat_map, plates, review, saved, search, sighting, sightings

PAGES = (convoys, exports, heat_map, plates, review, saved, search, sighting, sightings)
