"""Commands that ask of what was found, or say what a sighting shows: searches, lists, places, corrections."""
