"""Plates as pictures: their forms, letters, and the raster that they are painted on."""
