"""Pages of what was found: sightings, plates, searches, review, and what is taken out as files."""

from dashplate.web.pages.findings import exports, plates, review, saved, search, sighting, sightings

PAGES = (exports, plates, review, saved, search, sighting, sightings)
