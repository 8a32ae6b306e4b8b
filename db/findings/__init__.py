"""What the stages found: tracklets, readings, sightings, plates and frames, stored and asked for."""
