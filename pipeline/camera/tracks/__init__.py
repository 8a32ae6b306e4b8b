"""Where a camera was: a video's track, which fixes make sense, and the place at a moment."""
