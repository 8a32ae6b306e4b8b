"""What the pages of sightings, plates, review and exports ask."""
