"""The calls about what was found: sightings, searches, places, drives, corrections."""
