"""Small camera files, built from their formats' layouts, so that tests need no camera: `formats.FILES` has them all."""
